// The class of an accelerator, by which it is searched: `nvidia-h200`, however a driver writes the name.
// It must never tell apart what differs in memory alone, nor give a CPU a class: half of all nodes would lie under it.

/// An accelerator's maker and model, in lower case and joined by dashes.
public struct DeviceClass: Hashable, Sendable, CustomStringConvertible {
    /// The longest, in bytes.
    public static let maximumLength = 40

    /// As it stands on cards and in topics.
    public let text: String
    public var description: String { text }

    /// Reads a class as it stands on a card: words of lower-case letters and digits, the maker first.
    /// - Returns: nil for anything else, `cpu` among it.
    public init?(_ text: String) {
        let words = text.split(separator: "-", omittingEmptySubsequences: false)
        guard words.count >= 2, text.utf8.count <= Self.maximumLength,
            words.allSatisfy({ word in !word.isEmpty && word.utf8.allSatisfy(Self.isPlain) })
        else { return nil }
        self.text = text
    }

    /// The class of a device that a driver reported.
    /// - Parameters:
    ///   - maker: `nvidia` or `amd`.
    ///   - name: as its tool writes it.
    /// - Returns: nil when the name says no model.
    public init?(maker: String, name: String) {
        var text = maker
        for word in Self.words(name) where !Self.saysNothing(word) {
            guard text.utf8.count + 1 + word.utf8.count <= Self.maximumLength else { break }
            text += "-" + word
        }
        self.init(text)
    }

    /// What a person wrote: a class, or a name with or without its maker, as `H200` or `Radeon RX 7900 XTX`.
    public init?(wish: String) {
        let words = Self.words(wish)
        let isAMD =
            words.contains { ["amd", "ati", "radeon", "instinct"].contains($0) }
            || words.first.map {
                $0 == "rx" || ($0.hasPrefix("mi") && $0.dropFirst(2).first?.isNumber == true)
            }
                ?? false
        self.init(maker: isAMD && !words.contains("nvidia") ? "amd" : "nvidia", name: wish)
    }

    private static func words(_ name: String) -> [String] {
        name.lowercased().split { !$0.utf8.allSatisfy(isPlain) }.map(String.init)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    /// Makers, brands, plugs, and memory, which has a bound of its own.
    private static func saysNothing(_ word: String) -> Bool {
        if noise.contains(word) { return true }
        for start in ["sxm", "hbm", "gddr"] where word.hasPrefix(start) { return true }
        return word.hasSuffix("gb") && !word.dropLast(2).isEmpty && word.dropLast(2).allSatisfy(\.isNumber)
    }

    private static let noise: Set<String> = [
        "nvidia", "corporation", "amd", "ati", "advanced", "micro", "devices", "inc", "tm", "r",
        "geforce", "tesla", "quadro", "radeon", "instinct", "graphics", "device", "gpu", "generation",
        "pcie", "nvl", "oam", "mcm", "ac", "mba",
    ]
}
