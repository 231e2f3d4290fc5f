// What engines compute with: what their containers are given, what llama-server saw there, and why not more.
// It must never call a GPU what no engine of this image was seen to see.

import Interfaces
import NodeModel

/// The devices of an engine.
struct EngineDevices: Hashable, Sendable {
    /// What the container is given.
    var choice = DeviceChoice()
    /// What the engine sees there.
    var seen: [SeenDevice] = []

    /// The CPU alone.
    static func cpu(_ reason: String?) -> EngineDevices {
        EngineDevices(choice: DeviceChoice(reason: reason))
    }

    var isVulkan: Bool { choice.isVulkan }

    /// Memory of the GPUs for models, in MiB; nil where it is the machine's, under the container's limit.
    var memoryMiB: Int? {
        guard isVulkan, !choice.isSoftware else { return nil }
        return seen.reduce(0) { $0 + $1.memoryMiB }
    }

    /// Why a model is computed on the CPU although there are GPUs; nil when they can hold it.
    func lack(for model: EngineModel) -> String? {
        guard let memoryMiB else { return nil }
        // What is computed besides the weights: the context, and the buffers between layers.
        let needed = Int(model.size >> 20) + max(256, Int(model.size >> 20) / 10)
        guard needed > memoryMiB else { return nil }
        return "'\(model.name)' needs about \(needed) MiB, and \(named) has \(memoryMiB) MiB"
    }

    /// As in "engines compute on …".
    var words: String {
        let base = isVulkan ? named : "the CPU"
        return base + (choice.reason.map { ": " + $0 } ?? "")
    }

    private var named: String { seen.map(\.name).joined(separator: ", ") }

    /// As others are told them. NVIDIA's are those of its tool, as they are now; the others' are what the engine saw.
    /// - Parameter limitMiB: what an engine may use of the machine's memory.
    func told(_ hardware: Hardware, limitMiB: Int) -> [ExecInterface.Device] {
        guard isVulkan, !choice.isSoftware else { return hardware.engineDevices(memoryMiB: limitMiB) }
        let own = choice.given.compactMap { hardware.nvidia($0.id) }
        if own.count == choice.given.count, own.count == seen.count { return own }
        return seen.map { device in
            ExecInterface.Device(
                kind: maker(of: device).rawValue, name: device.model, memoryMiB: device.memoryMiB)
        }
    }

    private func maker(of device: SeenDevice) -> GraphicsDevice.Maker {
        let makers = Set(choice.given.map(\.maker))
        if let only = makers.first, makers.count == 1 { return only }
        if device.name.contains("NVIDIA") { return .nvidia }
        return device.name.contains("Intel") ? .intel : .amd
    }
}
