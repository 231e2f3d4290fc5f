// Where a relay is: wss://host[:port][/path], or ws:// on this machine. It comes from the configuration alone.
// It must never lead to a place that others could listen on the way to.

import Wire

struct RelayAddress: Hashable {
    let host: String
    let port: Int
    /// With its query; never empty.
    let path: String
    let isEncrypted: Bool
    /// For the Host header.
    let authority: String

    init(_ url: String) throws(WireError) {
        func refuse(_ why: String) -> WireError {
            WireError(.configInvalid, "A relay's address cannot be used: \(why).", fix: "Use wss://HOST/.")
        }
        let (scheme, port): (String, Int) = url.hasPrefix("wss://") ? ("wss://", 443) : ("ws://", 80)
        guard url.hasPrefix(scheme) else { throw refuse("it begins with neither wss:// nor ws://") }
        let rest = url.dropFirst(scheme.count)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = rest[..<end]
        var name = authority
        var chosen = port
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else {
                throw refuse("its port is no number from 1 to 65535")
            }
            (name, chosen) = (authority[..<colon], Int(number))
        }
        if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
        guard !name.isEmpty, !name.contains("@") else { throw refuse("it names no host") }
        let tail = rest[end...]
        host = String(name)
        self.port = chosen
        path = tail.hasPrefix("/") ? String(tail) : "/" + tail
        isEncrypted = scheme == "wss://"
        self.authority = String(authority)
        guard isEncrypted || host == "::1" || host.hasPrefix("127.") else {
            throw refuse("without encryption it must be on this machine")
        }
    }
}
