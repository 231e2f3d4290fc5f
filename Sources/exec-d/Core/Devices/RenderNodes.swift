// The GPUs that the kernel offers for computing without a screen: the render nodes of AMD's and Intel's drivers.
// It must never list a node that is not there to be opened, nor NVIDIA's: Mesa cannot compute with those.

import Glibc

/// Reads `/sys/class/drm`.
struct RenderNodes: Sendable {
    var folder = "/sys/class/drm"
    var nodes = "/dev/dri"

    func list() -> [GraphicsDevice] {
        SmallFile.list(folder).filter { $0.hasPrefix("renderD") }.sorted().compactMap(device)
    }

    private func device(_ name: String) -> GraphicsDevice? {
        let facts = "\(folder)/\(name)/device"
        let maker: GraphicsDevice.Maker
        switch word("\(facts)/vendor") {
        case "0x1002": maker = .amd
        case "0x8086": maker = .intel
        default: return nil
        }
        var status = stat()
        guard stat("\(nodes)/\(name)", &status) == 0 else { return nil }
        let memory = Int64(word("\(facts)/mem_info_vram_total") ?? "").map { Int($0 >> 20) } ?? 0
        let model = word("\(facts)/product_name") ?? word("\(facts)/device") ?? "of an unknown model"
        return GraphicsDevice(
            id: name, maker: maker, name: "\(maker == .amd ? "AMD" : "Intel") GPU \(model)",
            memoryMiB: memory,
            isPartOfProcessor: maker == .intel ? isOnFirstBus(facts) : memory < Self.leastOfACard,
            group: status.st_gid)
    }

    /// A processor's graphics unit is told little memory as its own; no card for computing has so little.
    private static let leastOfACard = 2_048

    /// Intel's graphics units lie on the processor's own bus, its cards behind a bridge.
    private func isOnFirstBus(_ facts: String) -> Bool {
        guard let real = realpath(facts, nil) else { return true }
        defer { free(real) }
        return String(cString: real).split(separator: "/").last?.hasPrefix("0000:00:") ?? true
    }

    private func word(_ path: String) -> String? {
        guard let text = SmallFile.read(path) else { return nil }
        let trimmed = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        return trimmed.isEmpty ? nil : trimmed
    }
}
