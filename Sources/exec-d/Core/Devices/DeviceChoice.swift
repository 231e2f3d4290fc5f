// Decides which devices an engine's container is given. Pure: setting, image and machine in, choice out.
// It must never choose what was not found, nor make a machine without a GPU an error: that computes on its CPU.

/// What a container is given, or why nothing.
struct DeviceChoice: Hashable, Sendable {
    var given: [GraphicsDevice] = []
    /// Mesa's software Vulkan: no device, but the way that leads to one.
    var isSoftware = false
    /// Why the CPU computes, or why a device that was named does not.
    var reason: String?

    /// Whether the engine is told to compute by Vulkan.
    var isVulkan: Bool { isSoftware || !given.isEmpty }

    /// - Parameters:
    ///   - imageHasVulkan: by the image's own label.
    ///   - found: what is here now.
    static func deciding(_ setting: DeviceSetting, imageHasVulkan: Bool, found: [GraphicsDevice])
        -> DeviceChoice
    {
        if setting == .none { return DeviceChoice(reason: "exec.devices is 'none'") }
        guard imageHasVulkan else {
            let have = found.isEmpty ? "" : "; this machine has " + list(found)
            return DeviceChoice(
                reason: "the engine image computes on the CPU alone ('engine/load vulkan' makes one for GPUs)"
                    + have)
        }
        switch setting {
        case .none: return DeviceChoice()
        case .software: return DeviceChoice(isSoftware: true)
        case .auto: return automatic(found)
        case .named(let ids): return named(ids, found)
        }
    }

    /// One maker's cards: an engine spreads a model's layers over all that it sees, and the slowest would set the pace.
    private static func automatic(_ found: [GraphicsDevice]) -> DeviceChoice {
        let cards = found.filter { !$0.isPartOfProcessor }
        guard !cards.isEmpty else {
            return DeviceChoice(
                reason: found.isEmpty
                    ? "no GPU was found that its driver answers for"
                    : "\(list(found)) computes in the machine's own memory: name it in exec.devices to have it used"
            )
        }
        let makers = Dictionary(grouping: cards, by: \.maker)
        func memory(_ maker: GraphicsDevice.Maker) -> Int {
            makers[maker, default: []].reduce(0) { $0 + $1.memoryMiB }
        }
        let order: [GraphicsDevice.Maker] = [.nvidia, .amd, .intel]
        var best = order.first { makers[$0] != nil } ?? .nvidia
        for maker in order where makers[maker] != nil && memory(maker) > memory(best) { best = maker }
        let left = cards.filter { $0.maker != best }
        return DeviceChoice(
            given: makers[best] ?? [],
            reason: left.isEmpty
                ? nil
                : "\(list(left)) stays unused beside it: name all in exec.devices to have them used together")
    }

    private static func named(_ ids: [String], _ found: [GraphicsDevice]) -> DeviceChoice {
        let given = ids.compactMap { id in found.first { $0.id == id } }
        let missing = ids.filter { id in !found.contains { $0.id == id } }
        guard !missing.isEmpty else { return DeviceChoice(given: given) }
        let here = found.isEmpty ? "no GPU was found" : "found: " + list(found)
        return DeviceChoice(
            given: given,
            reason: "exec.devices names \(missing.joined(separator: ", ")), which is not here (\(here))")
    }

    static func list(_ devices: [GraphicsDevice]) -> String {
        devices.map(\.words).joined(separator: ", ")
    }
}
