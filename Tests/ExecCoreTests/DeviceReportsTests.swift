// Proves the readers of hardware reports with texts as the tools write them.

import Interfaces
import TestKit
import Testing

@testable import ExecCore

@Suite struct DeviceReportsTests {
    private static let cpuinfo = """
        processor\t: 0
        vendor_id\t: AuthenticAMD
        model name\t: AMD EPYC 9B14
        flags\t\t: fpu vme avx2

        processor\t: 1
        vendor_id\t: AuthenticAMD
        model name\t: AMD EPYC 9B14
        """
    private static let meminfo = "MemTotal:       24576000 kB\nMemFree:          524288 kB\n"

    @Test func nvidia() {
        let text = """
            NVIDIA H200, 143771, 143220, 550.90.07
            NVIDIA GB10, [N/A], [N/A], 580.95.05
            NVIDIA A100-SXM4-80GB, 81920, [Insufficient Permissions], 535.183.01

            """
        #expect(
            DeviceReports.nvidia(text) == [
                .init(
                    kind: "nvidia", name: "NVIDIA H200", memoryMiB: 143_771, driver: "550.90.07",
                    freeMiB: 143_220),
                .init(kind: "nvidia", name: "NVIDIA GB10", memoryMiB: 0, driver: "580.95.05"),
                .init(
                    kind: "nvidia", name: "NVIDIA A100-SXM4-80GB", memoryMiB: 81_920, driver: "535.183.01"),
            ])
        // More than there is at all is nobody's word.
        #expect(DeviceReports.nvidia("Tesla T4, 15360, 99999, 535.183.01").first?.freeMiB == nil)
    }

    @Test(arguments: [
        "", "No devices were found\n",
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.\n",
    ]) func nvidiaWithoutAnAnswer(text: String) {
        #expect(DeviceReports.nvidia(text).isEmpty)
    }

    @Test func amdOldAndNew() {
        let new = """
            {"card0": {"VRAM Total Memory (B)": "21458059264", "VRAM Total Used Memory (B)": "27856896", \
            "Card Series": "Radeon RX 7900 XT", "Card Model": "0x744c", \
            "Card Vendor": "Advanced Micro Devices, Inc. [AMD/ATI]"}, "system": {"Driver version": "6.7.0"}}
            """
        #expect(
            DeviceReports.amd(new) == [
                .init(
                    kind: "amd", name: "Radeon RX 7900 XT", memoryMiB: 20_464, driver: "6.7.0",
                    freeMiB: 20_437)
            ])
        let old = #"{"card0": {"VRAM Total Memory (B)": "68702699520", "Card series": "Instinct MI210"}}"#
        #expect(DeviceReports.amd(old).first?.name == "Instinct MI210")
        #expect(DeviceReports.amd(old).first?.freeMiB == nil)
        #expect(DeviceReports.amd("WARNING: no AMD GPUs").isEmpty)
    }

    @Test func cpuIsADeviceLikeAnother() {
        let hardware = Hardware(
            nvidia: .absent, amd: .absent, cards: [DRMCard(name: "card0", vendor: "0x1234")],
            cpuinfo: Self.cpuinfo,
            meminfo: Self.meminfo)
        #expect(hardware.devices == [.init(kind: "cpu", name: "AMD EPYC 9B14, 2 threads", memoryMiB: 24_000)])
        #expect(
            hardware.gpuReason
                == "no nvidia-smi is installed; no rocm-smi is installed; no GPU is in /sys/class/drm")
    }

    @Test func aCardWithoutItsDriverIsNamed() {
        let hardware = Hardware(
            nvidia: .failed("exit code 9: NVIDIA-SMI has failed"), amd: .absent,
            cards: [DRMCard(name: "card1", vendor: "0x10de")], cpuinfo: "", meminfo: "")
        #expect(hardware.gpuReason?.contains("NVIDIA card1") == true)
        #expect(hardware.gpuReason?.contains("exit code 9") == true)
    }

    @Test func aFoundGPUNeedsNoReason() {
        let hardware = Hardware(
            nvidia: .output("Tesla T4, 15360, 15102, 535.183.01"), amd: .absent, cards: [],
            cpuinfo: Self.cpuinfo,
            meminfo: Self.meminfo)
        #expect(hardware.gpuReason == nil)
        #expect(hardware.devices.map(\.kind) == ["nvidia", "cpu"])
    }

    private static func look(_ nvidia: ToolReport) -> Hardware {
        Hardware(nvidia: nvidia, amd: .absent, cards: [], cpuinfo: cpuinfo, meminfo: meminfo)
    }

    @Test func aToolThatFailsOnceTakesNoDeviceAwayButWhatWasFree() {
        let before = Self.look(.output("Tesla T4, 15360, 15102, 535.183.01"))
        let failed = before.after(Self.look(.failed("it gave no answer")))
        #expect(failed.devices.map(\.name) == before.devices.map(\.name))
        #expect(failed.devices.allSatisfy { $0.freeMiB == nil })
        let later = Self.look(.output("Tesla T4, 15360, 200, 535.183.01"))
        #expect(failed.after(later) == later)
        #expect(Self.look(.absent).after(later) == later)
    }

    @Test func freeMemoryIsReadAgainWhileSomebodyAsks() async throws {
        let looks = Looks()
        let watch = DeviceWatch { await looks.next() }
        #expect(await watch.hardware().devices.first?.freeMiB == 15_001)
        let keeping = Task { try await watch.run(every: .milliseconds(5)) }
        // Every question is followed by another look, and what nobody asked for is not told later.
        var seen = 15_001
        while seen < 15_004 { seen = max(seen, await watch.hardware().devices.first?.freeMiB ?? 0) }
        try await eventually { await watch.unaskedFree == nil }
        keeping.cancel()
    }

    /// A GPU with a MiB more at each look.
    private actor Looks {
        private var count = 15_000
        func next() -> Hardware {
            count += 1
            return DeviceReportsTests.look(.output("Tesla T4, 15360, \(count), 535.183.01"))
        }
    }

    @Test func toolsAreRunWithADeadline() async {
        #expect(await HardwareProbe.run("no-such-tool", [], .seconds(1)) == .absent)
        #expect(await HardwareProbe.run("echo", ["hi"], .seconds(5)) == .output("hi\n"))
        #expect(await HardwareProbe.run("false", [], .seconds(5)) == .failed("exit code 1"))
        let began = ContinuousClock.now
        #expect(
            await HardwareProbe.run("sleep", ["30"], .milliseconds(100))
                == .failed("it gave no answer within 0.1 seconds"))
        #expect(ContinuousClock.now - began < .seconds(10))
    }
}
