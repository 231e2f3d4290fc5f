// Where a node is dialled: ws://address:port/peer, with an address in digits.
// It must never resolve a name: a card's endpoint is what it says, and a look-up would tell others whom we dial.

import NIOCore
import NodeModel
import Wire

/// A parsed endpoint.
struct PeerEndpoint: Hashable, Sendable {
    /// As it stands in the card; both proofs are bound to it, byte for byte.
    let text: String
    /// `host:port` for the Host header.
    let authority: String
    let address: SocketAddress

    static let path = EndpointForm.path

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
        let form: EndpointForm
        do { form = try EndpointForm(text) } catch { throw refuse(error.reason) }
        guard let address = try? SocketAddress(ipAddress: form.host, port: Int(form.port)) else {
            throw refuse("its host is not a numeric address")
        }
        self.text = text
        authority = form.authority
        self.address = address
    }
}
