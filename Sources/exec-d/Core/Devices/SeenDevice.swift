// What llama-server itself says of the devices that it sees from inside a container.
// It must never take a line of another form for a device.

/// A line of `llama-server --list-devices`, as `Vulkan0: NVIDIA H200 (143771 MiB, 143220 MiB free)`.
struct SeenDevice: Hashable, Sendable {
    let name: String
    let memoryMiB: Int
    let freeMiB: Int

    init(name: String, memoryMiB: Int, freeMiB: Int) {
        self.name = name
        self.memoryMiB = memoryMiB
        self.freeMiB = freeMiB
    }

    init?(_ line: String) {
        let parts = line.drop { $0 == " " }.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, parts[0].hasPrefix("Vulkan"), !parts[0].dropFirst(6).isEmpty,
            parts[0].dropFirst(6).allSatisfy(\.isNumber),
            parts[1].hasSuffix(" MiB free)"), let open = parts[1].lastIndex(of: "(")
        else { return nil }
        let numbers = parts[1][open...].split { !$0.isNumber }.compactMap { Int($0) }
        let name = parts[1][..<open].drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
        guard numbers.count == 2, !name.isEmpty else { return nil }
        self.init(name: String(name), memoryMiB: numbers[0], freeMiB: numbers[1])
    }

    /// The name without the driver's word for the chip, as in `AMD Radeon RX 7900 XTX (RADV NAVI31)`.
    var model: String {
        guard name.hasSuffix(")"), let open = name.lastIndex(of: "("), open != name.startIndex else {
            return name
        }
        return String(name[..<open].reversed().drop { $0 == " " }.reversed())
    }
}
