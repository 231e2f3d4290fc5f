// A GPU as the kernel and its maker's tool show it, with what Docker needs to hand it to a container.
// It must never be made up: each is a line of nvidia-smi, or a node of the kernel's that can be opened.

/// A GPU that an engine's container could be given.
struct GraphicsDevice: Hashable, Sendable {
    enum Maker: String, Sendable { case nvidia, amd, intel }

    /// What the configuration calls it: `GPU-…`, NVIDIA's own name for the one card, or the node's, as `renderD128`.
    let id: String
    let maker: Maker
    /// As its tool or the kernel names it.
    let name: String
    /// Memory of its own, in MiB; 0 where nobody tells.
    let memoryMiB: Int
    /// Part of the processor: it computes in the machine's memory.
    var isPartOfProcessor = false
    /// Who may open its node besides root; nil for NVIDIA's, which its container toolkit opens to all.
    var group: UInt32?

    /// The node below `/dev`; nil for NVIDIA's, whose toolkit knows the nodes.
    var node: String? { maker == .nvidia ? nil : "/dev/dri/\(id)" }

    /// As in "computes on …".
    var words: String { "\(name) (\(id))" }
}
