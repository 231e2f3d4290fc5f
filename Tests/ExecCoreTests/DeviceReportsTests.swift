// Proves the readers of hardware reports with texts as the tools write them.

import Interfaces
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
        let text = "NVIDIA H200, 143771, 550.90.07\nNVIDIA GB10, [N/A], 580.95.05\n"
        #expect(
            DeviceReports.nvidia(text) == [
                .init(kind: "nvidia", name: "NVIDIA H200", memoryMiB: 143_771, driver: "550.90.07"),
                .init(kind: "nvidia", name: "NVIDIA GB10", memoryMiB: 0, driver: "580.95.05"),
            ])
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
                .init(kind: "amd", name: "Radeon RX 7900 XT", memoryMiB: 20_464, driver: "6.7.0")
            ])
        let old = #"{"card0": {"VRAM Total Memory (B)": "68702699520", "Card series": "Instinct MI210"}}"#
        #expect(DeviceReports.amd(old).first?.name == "Instinct MI210")
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
            nvidia: .output("Tesla T4, 15360, 535.183.01"), amd: .absent, cards: [], cpuinfo: Self.cpuinfo,
            meminfo: Self.meminfo)
        #expect(hardware.gpuReason == nil)
        #expect(hardware.devices.map(\.kind) == ["nvidia", "cpu"])
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
