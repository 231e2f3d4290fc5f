// What a container's description says of devices. Pure: a choice in, Docker's members out.
// It must never give more than was chosen: no node for making nodes, no driver's display, no privilege.

/// The members of a ``ContainerBody`` that hand devices over; nil where there is nothing to say.
struct DeviceParts: Hashable, Sendable {
    /// Threads that a driver may start besides the engine's own.
    static let threads = 256

    var requests: [ContainerBody.DeviceRequest]?
    var nodes: [ContainerBody.Node]?
    var groups: [String]?
    var environment: [String]?

    init(_ choice: DeviceChoice) {
        let cards = choice.given.filter { $0.maker == .nvidia }.map(\.id)
        if !cards.isEmpty {
            // The toolkit mounts the driver's own files by capability: Vulkan's come with 'graphics'.
            requests = [
                ContainerBody.DeviceRequest(
                    driver: "nvidia", deviceIDs: cards,
                    capabilities: [["gpu", "compute", "utility", "graphics"]])
            ]
        }
        let paths = choice.given.compactMap(\.node)
        if !paths.isEmpty {
            nodes = paths.map { ContainerBody.Node(onHost: $0, inContainer: $0, permissions: "rw") }
            groups = Set(choice.given.filter { $0.node != nil }.compactMap(\.group)).sorted().map(String.init)
        }
        if choice.isSoftware {
            // A software device is used only where its number is named, and then no other is to have that number.
            environment = ["VK_DRIVER_FILES=/usr/share/vulkan/icd.d/lvp.json", "GGML_VK_VISIBLE_DEVICES=0"]
        }
    }
}
