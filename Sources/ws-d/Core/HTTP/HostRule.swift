// Which Host and Origin headers are answered, so that a page in a person's browser cannot use their node.
// It must never allow a name that was not configured: a name's owner may point it at our address (DNS rebinding).

/// The names this listener goes by.
struct HostRule: Sendable {
    /// Lower-case names beside `localhost` and numeric addresses.
    let names: Set<String>

    init(names: [String] = []) { self.names = Set(names.map { $0.lowercased() }) }

    /// Whether a Host header (RFC 9110, section 7.2) names us: `localhost`, an address in digits, or a configured name.
    func allows(host header: String) -> Bool {
        guard let host = Self.hostPart(header.lowercased()) else { return false }
        return host == "localhost" || Self.isNumeric(host) || names.contains(host)
    }

    /// Whether a page from this origin may call: only pages that this very machine serves.
    func allows(origin header: String) -> Bool {
        let origin = header.lowercased()
        for scheme in ["http://", "https://"] where origin.hasPrefix(scheme) {
            guard let host = Self.hostPart(String(origin.dropFirst(scheme.count))) else { return false }
            return host == "localhost" || host == "[::1]" || Self.isLoopback4(host) || names.contains(host)
        }
        return false
    }

    /// The host of `host[:port]`; nil when it has no such form.
    private static func hostPart(_ text: String) -> String? {
        guard !text.isEmpty, text.utf8.count <= 260 else { return nil }
        let host: Substring
        let rest: Substring
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[...end]
            rest = text[text.index(after: end)...]
        } else {
            let end = text.firstIndex(of: ":") ?? text.endIndex
            host = text[..<end]
            rest = text[end...]
        }
        guard !host.isEmpty else { return nil }
        if rest.isEmpty { return String(host) }
        guard rest.first == ":", let port = Int(rest.dropFirst()), (1...65_535).contains(port) else {
            return nil
        }
        return String(host)
    }

    private static func isNumeric(_ host: String) -> Bool {
        if host.hasPrefix("[") {
            return host.dropFirst().dropLast().utf8.allSatisfy { c in
                (0x30...0x39).contains(c) || (0x61...0x66).contains(c) || c == 0x3A || c == 0x2E
            }
        }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { $0.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt8($0) != nil }
    }

    private static func isLoopback4(_ host: String) -> Bool { isNumeric(host) && host.hasPrefix("127.") }
}
