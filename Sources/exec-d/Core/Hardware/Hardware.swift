// The devices of this machine that could run a model, and why no GPU is among them when none is.
// It must never claim a device that its own driver did not answer for.

import Interfaces

/// Devices, CPU last.
struct Hardware: Hashable, Sendable {
    private(set) var devices: [ExecInterface.Device]
    /// Why no GPU is listed; nil when one is.
    let gpuReason: String?
    /// What Docker calls NVIDIA's cards, which come first among the devices.
    private let nvidiaIDs: [String?]

    init(nvidia: ToolReport, amd: ToolReport, cards: [DRMCard], cpuinfo: String, meminfo: String) {
        var gpus: [ExecInterface.Device] = []
        var ids: [String?] = []
        if case .output(let text) = nvidia {
            let cards = DeviceReports.nvidiaCards(text)
            gpus += cards.map(\.device)
            ids = cards.map(\.id)
        }
        nvidiaIDs = ids
        if case .output(let text) = amd { gpus += DeviceReports.amd(text) }
        devices = gpus + [DeviceReports.cpu(cpuinfo: cpuinfo, meminfo: meminfo)]
        guard gpus.isEmpty else {
            gpuReason = nil
            return
        }
        gpuReason = [
            Self.words("nvidia-smi", nvidia), Self.words("rocm-smi", amd), Self.words(cards),
        ].joined(separator: "; ")
    }

    /// NVIDIA's cards as a container can be given them.
    var nvidiaCards: [GraphicsDevice] {
        zip(nvidiaIDs, devices).compactMap { id, device in
            id.map {
                GraphicsDevice(id: $0, maker: .nvidia, name: device.name, memoryMiB: device.memoryMiB)
            }
        }
    }

    /// One of NVIDIA's cards, as its tool tells it now.
    func nvidia(_ id: String) -> ExecInterface.Device? {
        nvidiaIDs.firstIndex(of: id).map { devices[$0] }
    }

    /// Whether there is anything whose free memory is told.
    var hasGPU: Bool { gpuReason == nil }

    /// What a later look says. A tool that failed this once takes no device away, but what was free is not known any more.
    func after(_ later: Hardware) -> Hardware {
        guard hasGPU, !later.hasGPU else { return later }
        return withoutFree
    }

    /// The same devices, without what was free.
    var withoutFree: Hardware {
        var same = self
        for index in same.devices.indices { same.devices[index].freeMiB = nil }
        return same
    }

    /// What an engine's container is given: the CPU, whatever else this machine has, with what one engine may use of its memory.
    func engineDevices(memoryMiB: Int) -> [ExecInterface.Device] {
        devices.filter { $0.kind == "cpu" }.map { device in
            var device = device
            device.memoryMiB = device.memoryMiB > 0 ? min(memoryMiB, device.memoryMiB) : memoryMiB
            return device
        }
    }

    /// Memory of the machine, in MiB; 0 when unknown.
    var memoryMiB: Int { devices.last?.memoryMiB ?? 0 }

    private static func words(_ tool: String, _ report: ToolReport) -> String {
        switch report {
        case .absent: "no \(tool) is installed"
        case .failed(let why): "\(tool) failed: \(why)"
        case .output: "\(tool) lists no GPU"
        }
    }

    private static func words(_ cards: [DRMCard]) -> String {
        let known = cards.filter { $0.maker != nil }
        guard !known.isEmpty else { return "no GPU is in /sys/class/drm" }
        let list = known.map { "\($0.maker ?? $0.vendor) \($0.name)" }.joined(separator: ", ")
        let drivers = known.contains { $0.maker == "NVIDIA" || $0.maker == "AMD" }
        return "/sys/class/drm has \(list)" + (drivers ? ": install the maker's driver and tool" : "")
    }
}
