// Proves which devices an engine's container is given, and that a machine without any is no error.
// It must never need a GPU: all of it is decided by values.

import Foundation
import Interfaces
import TestKit
import Testing

@testable import ExecCore

@Suite struct DeviceChoiceTests {
    static let h200 = GraphicsDevice(
        id: "GPU-8f6d2c1a", maker: .nvidia, name: "NVIDIA H200", memoryMiB: 143_771)
    static let second = GraphicsDevice(
        id: "GPU-00000002", maker: .nvidia, name: "NVIDIA H200", memoryMiB: 143_771)
    static let radeon = GraphicsDevice(
        id: "renderD128", maker: .amd, name: "AMD GPU 0x744c", memoryMiB: 24_560, group: 105)
    static let arc = GraphicsDevice(
        id: "renderD129", maker: .intel, name: "Intel GPU 0x56a0", memoryMiB: 0, group: 105)
    static let inProcessor = GraphicsDevice(
        id: "renderD130", maker: .intel, name: "Intel GPU 0x4680", memoryMiB: 0, isPartOfProcessor: true,
        group: 992)

    private func choice(_ setting: String, vulkan: Bool = true, _ found: [GraphicsDevice]) -> DeviceChoice {
        DeviceChoice.deciding(DeviceSetting(setting), imageHasVulkan: vulkan, found: found)
    }

    @Test func oneMakersCardsAreTakenByThemselves() {
        #expect(choice("auto", [Self.h200, Self.second]) == DeviceChoice(given: [Self.h200, Self.second]))
        #expect(choice("auto", [Self.radeon]) == DeviceChoice(given: [Self.radeon]))
        #expect(choice("auto", [Self.arc]) == DeviceChoice(given: [Self.arc]))
        #expect(choice("", [Self.arc]) == DeviceChoice(given: [Self.arc]), "what an older file leaves out")
    }

    @Test func ofSeveralMakersTheOneWithMostMemoryComputes() {
        let mixed = choice("auto", [Self.radeon, Self.h200, Self.inProcessor])
        #expect(mixed.given == [Self.h200])
        #expect(mixed.reason?.contains("AMD GPU 0x744c (renderD128) stays unused") == true)
        let small = GraphicsDevice(id: "GPU-3", maker: .nvidia, name: "NVIDIA T400", memoryMiB: 4_096)
        #expect(choice("auto", [small, Self.radeon]).given == [Self.radeon])
        // Where memory says nothing it is NVIDIA, then AMD.
        let mute = GraphicsDevice(id: "GPU-4", maker: .nvidia, name: "NVIDIA GB10", memoryMiB: 0)
        #expect(choice("auto", [Self.arc, mute]).given == [mute])
    }

    @Test func aProcessorsGraphicsAreTakenOnlyWhenNamed() {
        let found = choice("auto", [Self.inProcessor])
        #expect(!found.isVulkan && found.reason?.contains("name it in exec.devices") == true)
        #expect(choice("renderD130", [Self.inProcessor]).given == [Self.inProcessor])
    }

    @Test func exactlyWhatIsNamedIsGiven() {
        let all = [Self.h200, Self.second, Self.radeon]
        #expect(choice("GPU-00000002", all) == DeviceChoice(given: [Self.second]))
        #expect(choice("renderD128, GPU-8f6d2c1a", all) == DeviceChoice(given: [Self.radeon, Self.h200]))
    }

    @Test func aDeviceThatVanishedIsNamedAndTheRestComputes() {
        let half = choice("GPU-8f6d2c1a,GPU-00000002", [Self.h200])
        #expect(half.given == [Self.h200])
        #expect(half.reason?.contains("names GPU-00000002, which is not here") == true)
        let none = choice("renderD128", [])
        #expect(!none.isVulkan && none.reason?.contains("no GPU was found") == true)
    }

    @Test func withoutAnImageForItTheCPUComputes() {
        for setting in ["auto", "GPU-8f6d2c1a", "software"] {
            let found = choice(setting, vulkan: false, [Self.h200])
            #expect(!found.isVulkan)
            #expect(
                found.reason?.contains("engine/load vulkan") == true && found.reason?.contains("H200") == true
            )
        }
        #expect(choice("none", [Self.h200]) == DeviceChoice(reason: "exec.devices is 'none'"))
        #expect(choice("auto", []).reason == "no GPU was found that its driver answers for")
    }

    @Test func softwareIsNeverChosenByItself() {
        #expect(choice("software", []) == DeviceChoice(isSoftware: true))
        #expect(!choice("auto", []).isSoftware)
    }

    @Test func theKernelsNodesAreRead() throws {
        let directory = try TemporaryDirectory()
        let files = FileManager.default
        func node(_ name: String, _ facts: [String: String], at address: String, isThere: Bool = true) throws
        {
            let real = directory.path + "/devices/" + address
            try files.createDirectory(atPath: real, withIntermediateDirectories: true)
            for (fact, text) in facts {
                try "\(text)\n".write(toFile: "\(real)/\(fact)", atomically: false, encoding: .utf8)
            }
            let listed = "\(directory.path)/drm/\(name)"
            try files.createDirectory(atPath: listed, withIntermediateDirectories: true)
            try files.createSymbolicLink(atPath: listed + "/device", withDestinationPath: real)
            guard isThere else { return }
            try "".write(toFile: "\(directory.path)/dri/\(name)", atomically: false, encoding: .utf8)
        }
        try files.createDirectory(atPath: directory.path + "/dri", withIntermediateDirectories: true)
        try node(
            "renderD128", ["vendor": "0x1002", "device": "0x744c", "mem_info_vram_total": "25753026560"],
            at: "0000:03:00.0")
        try node(
            "renderD129", ["vendor": "0x1002", "device": "0x1681", "mem_info_vram_total": "536870912"],
            at: "0000:c4:00.0")
        try node("renderD130", ["vendor": "0x8086", "device": "0x4680"], at: "0000:00:02.0")
        try node("renderD131", ["vendor": "0x8086", "device": "0x56a0"], at: "0000:04:00.0")
        try node("renderD132", ["vendor": "0x10de", "device": "0x2335"], at: "0000:05:00.0")
        try node("renderD133", ["vendor": "0x1002", "device": "0x744c"], at: "0000:06:00.0", isThere: false)
        let found = RenderNodes(folder: directory.path + "/drm", nodes: directory.path + "/dri").list()
        #expect(found.map(\.id) == ["renderD128", "renderD129", "renderD130", "renderD131"])
        #expect(found.map(\.isPartOfProcessor) == [false, true, true, false])
        #expect(found[0].memoryMiB == 24_560 && found[0].name == "AMD GPU 0x744c" && found[0].group != nil)
        #expect(found[3].node == "/dev/dri/renderD131")
    }

    @Test func whatTheEngineSaysIsRead() {
        #expect(
            SeenDevice("  Vulkan0: llvmpipe (LLVM 15.0.6, 256 bits) (24105 MiB, 23000 MiB free)")
                == SeenDevice(name: "llvmpipe (LLVM 15.0.6, 256 bits)", memoryMiB: 24_105, freeMiB: 23_000))
        let radeon = SeenDevice("  Vulkan1: AMD Radeon RX 7900 XTX (RADV NAVI31) (24560 MiB, 24000 MiB free)")
        #expect(radeon?.model == "AMD Radeon RX 7900 XTX" && radeon?.memoryMiB == 24_560)
        for line in [
            "Available devices:", "  (none)", "  RPC0: x (1 MiB, 1 MiB free)",
            "  Vulkan: x (1 MiB, 1 MiB free)",
            "  Vulkan0: (1 MiB, 1 MiB free)", "  Vulkan0: x (1 MiB free)", "",
        ] { #expect(SeenDevice(line) == nil, "\(line)") }
    }

    @Test func whatEnginesUseIsToldAsItIs() {
        let csv =
            "NVIDIA H200, 143771, 143220, 550.90.07, GPU-8f6d2c1a\nNVIDIA H200, 143771, 9, 550.90.07, GPU-2\n"
        let hardware = Hardware(
            nvidia: .output(csv), amd: .absent, cards: [], cpuinfo: "model name : x\n", meminfo: "")
        #expect(hardware.nvidiaCards.map(\.id) == ["GPU-8f6d2c1a", "GPU-2"])
        #expect(hardware.devices.first?.driver == "550.90.07")
        let seen = SeenDevice(name: "NVIDIA H200", memoryMiB: 143_000, freeMiB: 1)
        var devices = EngineDevices(choice: DeviceChoice(given: [Self.h200]), seen: [seen])
        #expect(devices.told(hardware, limitMiB: 768) == [hardware.devices[0]])
        devices.seen.append(seen)
        #expect(devices.told(hardware, limitMiB: 768).count == 2, "as many as the engine sees")
        devices = EngineDevices(
            choice: DeviceChoice(given: [Self.radeon]),
            seen: [SeenDevice(name: "AMD Radeon RX 7900 XTX (RADV NAVI31)", memoryMiB: 24_560, freeMiB: 1)])
        #expect(
            devices.told(hardware, limitMiB: 768) == [
                .init(kind: "amd", name: "AMD Radeon RX 7900 XTX", memoryMiB: 24_560)
            ])
        for cpu in [
            EngineDevices.cpu("so"), EngineDevices(choice: DeviceChoice(isSoftware: true), seen: [seen]),
        ] {
            let told = cpu.told(hardware, limitMiB: 768)
            #expect(told.map(\.kind) == ["cpu"] && told.first?.memoryMiB == 768 && cpu.memoryMiB == nil)
        }
    }
}
