// What an endpoint on a card looks like: ws://ADDRESS:PORT/peer, with an address in digits.
// It must never resolve a name: a look-up would tell others whom we dial.

import Glibc

/// The parts of an endpoint that can be dialled.
public struct EndpointForm: Hashable, Sendable {
    /// The only path of a node's WebSocket.
    public static let path = "/peer"
    /// Bytes of an endpoint at most.
    public static let longest = 200

    /// `host:port`, as for the Host header.
    public let authority: String
    /// IPv4 or IPv6 in digits, without brackets.
    public let host: String
    public let port: UInt16

    /// Takes an endpoint apart.
    /// - Throws: why it cannot be dialled.
    public init(_ text: String) throws(Problem) {
        guard text.utf8.count <= Self.longest else { throw Problem(reason: "it is too long") }
        guard text.hasPrefix("ws://") else { throw Problem(reason: "only ws:// is supported") }
        guard text.hasSuffix(Self.path) else { throw Problem(reason: "its path is not \(Self.path)") }
        authority = String(text.dropFirst(5).dropLast(Self.path.count))
        guard let colon = authority.lastIndex(of: ":"),
            let port = UInt16(authority[authority.index(after: colon)...]), port > 0
        else { throw Problem(reason: "it has no port") }
        self.port = port
        var host = String(authority[..<colon])
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = String(host.dropFirst().dropLast()) }
        guard Self.isNumeric(host, isBracketed ? AF_INET6 : AF_INET) else {
            throw Problem(reason: "its host is not a numeric address")
        }
        self.host = host
    }

    /// Why an endpoint cannot be dialled.
    public struct Problem: Error, Hashable, Sendable {
        public let reason: String
    }

    /// Why this cannot be dialled; nil when it can.
    public static func problem(_ text: String) -> String? {
        do {
            _ = try EndpointForm(text)
            return nil
        } catch { return error.reason }
    }

    private static func isNumeric(_ host: String, _ family: Int32) -> Bool {
        var address = in6_addr()
        return inet_pton(family, host, &address) == 1
    }
}
