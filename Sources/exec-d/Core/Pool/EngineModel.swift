// A model that an engine can be started with: its address, and where its verified bytes lie.
// It must never be made from anything but content-d's answer.

import Interfaces
import NodeModel
import Wire

/// A model as content-d resolved it.
struct EngineModel: Hashable, Sendable {
    let root: ContentRoot
    let name: String
    let path: String
    /// Bytes.
    let size: Int64

    init(_ resolved: ContentInterface.Resolve.Reply) throws(WireError) {
        guard resolved.entry.format == "gguf" else {
            throw WireError(
                .invalidRequest, "'\(resolved.entry.name)' is no model that this node's engine can run.",
                fix: "Use a model in GGUF format.")
        }
        root = resolved.entry.root
        name = resolved.entry.name
        path = resolved.path
        size = resolved.entry.size
    }

    /// Why an engine with this memory limit cannot hold the model; nil when it may.
    func problem(memoryMiB: Int) -> WireError? {
        ExecInterface.outgrown(name, size: size, memoryMiB: memoryMiB).map {
            WireError(.engineUnavailable, $0.reason, fix: $0.fix)
        }
    }
}
