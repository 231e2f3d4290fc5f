// Where a node is dialled: ws://address:port/peer, with an address in digits.
// It must never resolve a name: a card's endpoint is what it says, and a look-up would tell others whom we dial.

import NIOCore
import Wire

/// A parsed endpoint.
struct PeerEndpoint: Hashable, Sendable {
    /// As it stands in the card; both proofs are bound to it, byte for byte.
    let text: String
    /// `host:port` for the Host header.
    let authority: String
    let address: SocketAddress

    static let path = "/peer"

    private init(text: String, authority: String, address: SocketAddress) {
        self.text = text
        self.authority = authority
        self.address = address
    }

    /// The same endpoint, to be dialled at another address.
    func at(_ address: SocketAddress) -> PeerEndpoint {
        PeerEndpoint(text: text, authority: PeerConnection.text(address), address: address)
    }

    init(_ text: String) throws(WireError) {
        func refuse(_ why: String) -> WireError {
            WireError(
                .invalidParams, "The endpoint '\(text.prefix(200))' cannot be dialled: \(why).",
                fix: "A provider's endpoint is ws://ADDRESS:PORT/peer with an address in digits.")
        }
        guard text.utf8.count <= 200 else { throw refuse("it is too long") }
        guard text.hasPrefix("ws://") else { throw refuse("only ws:// is supported") }
        guard text.hasSuffix(Self.path) else { throw refuse("its path is not /peer") }
        let authority = String(text.dropFirst(5).dropLast(Self.path.count))
        guard let colon = authority.lastIndex(of: ":"),
            let port = UInt16(authority[authority.index(after: colon)...]),
            port > 0
        else { throw refuse("it has no port") }
        var host = String(authority[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard let address = try? SocketAddress(ipAddress: host, port: Int(port)) else {
            throw refuse("its host is not a numeric address")
        }
        self.text = text
        self.authority = authority
        self.address = address
    }
}
