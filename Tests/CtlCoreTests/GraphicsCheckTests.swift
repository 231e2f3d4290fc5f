// Proves that a card without a driver that computes is named with its fix, and that a machine without cards is well.

import Foundation
import TestKit
import Testing

@testable import CtlCore

@Suite struct GraphicsCheckTests {
    private let directory: TemporaryDirectory
    private var check: GraphicsCheck

    init() throws {
        directory = try TemporaryDirectory()
        check = GraphicsCheck()
        check.devices = directory.path + "/devices"
        check.computeNode = directory.path + "/kfd"
        check.tool = { _ in nil }
    }

    /// A PCI device as sysfs shows it.
    private func add(_ address: String, vendor: String, kind: String = "0x030200", driver: String? = nil)
        throws
    {
        let folder = "\(check.devices)/\(address)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try "\(kind)\n".write(toFile: folder + "/class", atomically: false, encoding: .utf8)
        try "\(vendor)\n".write(toFile: folder + "/vendor", atomically: false, encoding: .utf8)
        guard let driver else { return }
        try FileManager.default.createSymbolicLink(
            atPath: folder + "/driver", withDestinationPath: "../../../bus/pci/drivers/\(driver)")
    }

    private func answering(_ status: Int32, _ output: String, errors: String = "") -> GraphicsCheck {
        var check = check
        check.tool = { _ in Tool.Outcome(status: status, output: output, errors: errors) }
        return check
    }

    @Test func aMachineWithoutCardsIsWell() throws {
        #expect(check.all().map(\.result) == [.ok], "there is no PCI bus at all")
        // A virtual machine's display, and a network card of a vendor that also makes graphics cards.
        try add("0000:00:02.0", vendor: "0x1234", kind: "0x030000")
        try add("0000:00:03.0", vendor: "0x10de", kind: "0x020000")
        #expect(check.all().map(\.result) == [.ok])
    }

    @Test(arguments: [
        (nil, "no driver", "nvidia-driver"), ("nouveau", "'nouveau'", "nvidia-driver"),
        ("nvidia", "nvidia-smi is not installed", "apt install nvidia-smi"),
    ])
    func aCardThatCannotComputeIsNamed(driver: String?, reason: String, fix: String) throws {
        try add("0000:01:00.0", vendor: "0x10de", driver: driver)
        let found = check.all()
        #expect(found.count == 1 && found[0].result == .failed && found[0].name == "NVIDIA driver")
        #expect(found[0].reason.contains(reason), "\(found[0].reason)")
        #expect(found[0].fix?.contains(fix) == true)
    }

    @Test func aToolThatFailsIsQuoted() throws {
        try add("0000:01:00.0", vendor: "0x10de", driver: "nvidia")
        let words = "Failed to initialize NVML: Driver/library version mismatch\n"
        let found = answering(18, words).all()
        #expect(found[0].result == .failed && found[0].reason.contains("version mismatch"))
        let well = answering(0, "GPU 0: NVIDIA H100 (UUID: GPU-1)\n").all()
        #expect(well.map(\.result) == [.ok] && well[0].reason.contains("NVIDIA H100"))
    }

    @Test func anAMDCardNeedsItsComputeNode() throws {
        try add("0000:03:00.0", vendor: "0x1002", kind: "0x030000", driver: "amdgpu")
        #expect(check.all()[0].reason.contains("no \(check.computeNode)"))
        try "".write(toFile: check.computeNode, atomically: false, encoding: .utf8)
        #expect(check.all()[0].reason.contains("rocm-smi is not installed"))
        let listing =
            "============ ROCm System Management Interface ============\nGPU[0]: Card series: Instinct\n"
        let well = answering(0, listing).all()
        #expect(well.map(\.result) == [.ok] && well[0].reason.contains("Instinct"), "\(well[0].reason)")
    }
}
