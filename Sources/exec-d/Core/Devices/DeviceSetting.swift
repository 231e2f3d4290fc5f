// What the configuration says of the devices that engines compute with.
// It must never ask the machine: whether a device is there is the choice's to see.

/// `exec.devices`.
enum DeviceSetting: Hashable, Sendable {
    /// The GPUs of this machine that have memory of their own.
    case auto
    /// The CPU.
    case none
    /// The CPU, by Mesa's software Vulkan: what a GPU goes through, without one. For tests; slower than the CPU itself.
    case software
    /// Exactly these.
    case named([String])

    init(_ text: String) {
        switch text {
        case "auto", "": self = .auto
        case "none": self = .none
        case "software": self = .software
        default:
            self = .named(
                text.split { $0 == "," || $0 == " " }.map(String.init))
        }
    }
}
