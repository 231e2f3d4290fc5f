// Reads what vendors' tools and the kernel say about GPUs and CPUs. Pure: text in, devices out.
// It must never invent a number: memory that is not stated counts as none, and free memory that is not stated is not told.

import FoundationEssentials
import Interfaces
import Wire

/// Parsers of hardware reports.
enum DeviceReports {
    typealias Device = ExecInterface.Device

    /// The query that ``nvidia(_:)`` reads the answer of.
    static let nvidiaArguments = [
        "--query-gpu=name,memory.total,memory.free,driver_version,uuid", "--format=csv,noheader,nounits",
    ]
    /// The query that ``amd(_:)`` reads the answer of.
    static let amdArguments = ["--showproductname", "--showmeminfo", "vram", "--json"]

    /// The devices of ``nvidiaCards(_:)``.
    static func nvidia(_ csv: String) -> [Device] { nvidiaCards(csv).map(\.device) }

    /// A line for each GPU: name, MiB, free MiB, driver, and what Docker calls the card. Lines of another form, such as messages,
    /// are passed over.
    static func nvidiaCards(_ csv: String) -> [(device: Device, id: String?)] {
        csv.split(whereSeparator: \.isNewline).compactMap { line in
            var fields = line.split(separator: ",", omittingEmptySubsequences: false).map(trimmed)
            let id = fields.last.flatMap { $0.hasPrefix("GPU-") ? $0 : nil }
            if id != nil { fields.removeLast() }
            guard fields.count >= 4, !fields[0].isEmpty else { return nil }
            // A name may hold a comma; the last three fields never do.
            let name = fields.dropLast(3).joined(separator: ", ")
            let (memory, free, driver) = (
                fields[fields.count - 3], fields[fields.count - 2], fields[fields.count - 1]
            )
            guard let mib = Int(memory) ?? (memory == "[N/A]" ? 0 : nil) else { return nil }
            let device = Device(
                kind: "nvidia", name: name, memoryMiB: mib, driver: driver,
                freeMiB: Int(free).flatMap { (0...mib).contains($0) ? $0 : nil })
            return (device, id)
        }
    }

    /// An object with a member for each card, whose members' names changed their case over the years.
    static func amd(_ json: String) -> [Device] {
        let cards = try? WireCoding.decoder.decode([String: [String: String]].self, from: Data(json.utf8))
        return (cards ?? [:]).filter { $0.key.hasPrefix("card") }.sorted { $0.key < $1.key }.compactMap {
            _, facts in
            let facts = Dictionary(facts.map { ($0.key.lowercased(), $0.value) }) { first, _ in first }
            guard let bytes = facts["vram total memory (b)"].flatMap(Int64.init) else { return nil }
            let used = facts["vram total used memory (b)"].flatMap(Int64.init)
            let name = facts["card series"] ?? facts["card model"] ?? "AMD GPU"
            return Device(
                kind: "amd", name: name, memoryMiB: Int(bytes >> 20),
                driver: cards?["system"]?["Driver version"],
                freeMiB: used.flatMap { (0...bytes).contains($0) ? Int((bytes - $0) >> 20) : nil })
        }
    }

    /// `/proc/cpuinfo` and `/proc/meminfo`.
    static func cpu(cpuinfo: String, meminfo: String) -> Device {
        let models = fields(cpuinfo, "model name")
        let threads = max(1, fields(cpuinfo, "processor").count)
        let kib = fields(meminfo, "MemTotal").first?.split(separator: " ").first.flatMap { Int($0) } ?? 0
        return Device(
            kind: "cpu",
            name: "\(models.first ?? "unnamed CPU"), \(threads) thread\(threads == 1 ? "" : "s")",
            memoryMiB: kib / 1024)
    }

    /// The values of all lines `name : value`.
    private static func fields(_ text: String, _ name: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, trimmed(parts[0]) == name else { return nil }
            return trimmed(parts[1])
        }
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let blank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(String(text.drop(while: blank)).reversed().drop(while: blank).reversed())
    }
}

/// A graphics card as the kernel lists it in `/sys/class/drm`.
struct DRMCard: Hashable, Sendable {
    /// As `card0`.
    let name: String
    /// PCI vendor, as `0x10de`.
    let vendor: String

    var maker: String? {
        switch vendor {
        case "0x10de": "NVIDIA"
        case "0x1002": "AMD"
        case "0x8086": "Intel"
        default: nil
        }
    }
}

/// What came of one vendor's tool.
enum ToolReport: Hashable, Sendable {
    case absent
    case failed(String)
    case output(String)
}
