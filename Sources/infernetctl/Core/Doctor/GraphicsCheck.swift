// Whether the graphics cards of this machine have the drivers that computing takes, as the kernel and the vendors' own tools
// show it. It must never fail a machine that has no such card, nor say that engines use a card: that is exec-d's to say.

import FoundationEssentials
import Glibc

/// The check of the drivers.
struct GraphicsCheck: Sendable {
    /// PCI devices as the kernel lists them.
    var devices = "/sys/bus/pci/devices"
    /// What an engine opens for ROCm.
    var computeNode = "/dev/kfd"
    /// Runs a vendor's tool; nil when this machine does not have it.
    var tool: @Sendable (_ words: [String]) -> Tool.Outcome? = { words in
        Tool.isThere(words[0]) ? try? Tool.run(words) : nil
    }

    enum Vendor: String, CaseIterable {
        case nvidia = "0x10de"
        case amd = "0x1002"

        var name: String { self == .nvidia ? "NVIDIA" : "AMD" }
        var driver: String { self == .nvidia ? "nvidia" : "amdgpu" }
        var listing: [String] { self == .nvidia ? ["nvidia-smi", "-L"] : ["rocm-smi", "--showproductname"] }
        var install: String {
            switch self {
            case .nvidia:
                "Install it and restart the machine: apt install nvidia-driver nvidia-smi (Debian's non-free), and the "
                    + "NVIDIA container toolkit for Docker. Until then exec-d does not see the card."
            case .amd:
                "Install it and restart the machine: apt install firmware-amd-graphics rocm-smi (Debian's "
                    + "non-free-firmware). Until then exec-d does not see the card."
            }
        }
    }

    /// A card as the kernel lists it.
    struct Card: Equatable {
        var address: String
        var vendor: Vendor
        var driver: String?
    }

    /// One check for each vendor whose cards are here; one that says so when there are none.
    func all() -> [DoctorCheck] {
        let cards = cards()
        guard !cards.isEmpty else {
            return [.ok("GPU driver", "not needed: no NVIDIA or AMD card is in \(devices)")]
        }
        return Vendor.allCases.compactMap { vendor in
            let own = cards.filter { $0.vendor == vendor }
            return own.isEmpty ? nil : check(vendor, own)
        }
    }

    private func check(_ vendor: Vendor, _ cards: [Card]) -> DoctorCheck {
        let name = "\(vendor.name) driver"
        if let bare = cards.first(where: { $0.driver != vendor.driver }) {
            let has = bare.driver.map { "'\($0)', with which nothing can be computed" } ?? "no driver"
            return .failed(name, "the card at \(bare.address) has \(has)", fix: vendor.install)
        }
        if vendor == .amd, access(computeNode, F_OK) != 0 {
            return .failed(
                name, "'amdgpu' is loaded, but there is no \(computeNode)",
                fix:
                    "Use a kernel with CONFIG_HSA_AMD, as Debian's; a container must be given \(computeNode)."
            )
        }
        let words = vendor.listing.joined(separator: " ")
        guard let told = tool(vendor.listing) else {
            return .failed(
                name,
                "'\(vendor.driver)' is loaded, but \(vendor.listing[0]) is not installed, so exec-d sees no card",
                fix: "apt install \(vendor.listing[0])")
        }
        guard told.isFine else {
            let why = (told.errors.isEmpty ? told.output : told.errors).split(separator: "\n").first ?? ""
            return .failed(
                name, "'\(words)' fails with exit code \(told.status): \(why)",
                fix:
                    "The driver in the kernel and its tools may be of different versions: restart the machine."
            )
        }
        let lines = told.output.split(separator: "\n").filter { !$0.hasPrefix("=") }
        return .ok(name, "\(cards.count) card\(cards.count == 1 ? "" : "s"); \(words): \(lines.first ?? "")")
    }

    /// Display and 3D controllers of the vendors with which engines can compute.
    func cards() -> [Card] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: devices)) ?? []
        return names.sorted().compactMap { name in
            let folder = "\(devices)/\(name)"
            guard text("\(folder)/class").hasPrefix("0x03"),
                let vendor = Vendor(rawValue: text("\(folder)/vendor"))
            else { return nil }
            let driver = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/driver")
            return Card(
                address: name, vendor: vendor,
                driver: driver.map { String($0.split(separator: "/").last ?? "") })
        }
    }

    private func text(_ path: String) -> String {
        let bytes = FileManager.default.contents(atPath: path) ?? Data()
        return String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
    }
}
