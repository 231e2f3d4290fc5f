// A small LND in memory behind a carrier, for one of two nodes that share one network: it makes invoices on hashes it is given,
// holds what is paid, and takes or gives it back. It must never know what ledger-d means to do: it has the requests alone.

import Foundation
import NIOConcurrencyHelpers
import NodeModel
import Wire

@testable import LedgerCore

/// What both nodes' LNDs know of each hash.
struct ModelNetwork: Sendable {
    struct Held: Sendable {
        /// As LND calls it: OPEN, ACCEPTED, SETTLED or CANCELED.
        var state = "OPEN"
        var preimage: [UInt8]?
        /// How often it was paid.
        var paid = 0
        var blocks: String
    }
    var invoices: [String: Held] = [:]
    var height = 800_000
    /// The block at which what is held ends.
    var end = 800_144
    /// Payments leave and do not arrive.
    var loses = false
}

final class ModelLND: KeyedCarrier, RelayCarrier, Sendable {
    static let macaroon = "0201036c6e64"
    let network: NIOLockedValueBox<ModelNetwork>
    let requests = NIOLockedValueBox<[String]>([])
    /// Stands between LND and ledger-d: may change an answer, or drop it with nil.
    let lie = NIOLockedValueBox<(@Sendable (String, Int, String) -> (Int, String)?)?>(nil)

    init(_ network: NIOLockedValueBox<ModelNetwork>) { self.network = network }

    func exchange(
        _ endpoint: String, _ event: SignedEvent, kind: Int, author: PublicKey
    ) async throws -> (answer: SignedEvent?, words: String) { (nil, "") }

    func carry(
        _ endpoint: String, path: String, body: String, secret: String
    ) async throws -> (status: Int, body: String) {
        requests.withLockedValue { $0.append(path) }
        let asked = (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:]
        let answer = network.withLockedValue { Self.answer(path, asked, &$0) }
        guard let lie = lie.withLockedValue({ $0 }) else { return answer }
        guard let other = lie(path, answer.0, answer.1) else {
            throw WireError(.unavailable, "the answer was dropped")
        }
        return other
    }

    private static func answer(
        _ path: String, _ asked: [String: Any], _ network: inout ModelNetwork
    ) -> (Int, String) {
        let none = (404, #"{"error":{"code":5,"message":"not there","details":[]}}"#)
        func bytes(_ name: String) -> [UInt8] {
            Data(base64Encoded: asked[name] as? String ?? "").map(Array.init) ?? []
        }
        switch path {
        case "/v1/getinfo":
            return (
                200,
                #"{"identity_pubkey":"02ab","chains":[{"chain":"bitcoin","network":"mainnet"}],"#
                    + #""block_height":\#(network.height)}"#
            )
        case "/v2/invoices/hodl":
            let hash = Hex.encode(bytes("hash"))
            guard network.invoices[hash] == nil,
                let known = KnownInvoice.all.first(where: { $0.hash == hash }),
                asked["value_msat"] as? String == known.amount.map(String.init)
            else { return (500, #"{"code":2,"message":"invoice with payment hash already exists"}"#) }
            network.invoices[hash] = .init(blocks: asked["cltv_expiry"] as? String ?? "")
            return (200, #"{"payment_request":"\#(known.text)","add_index":"1","payment_addr":""}"#)
        case "/v2/invoices/settle":
            let hash = Digest(hashing: bytes("preimage")).hex
            guard let state = network.invoices[hash]?.state, state != "OPEN", state != "CANCELED" else {
                return (500, #"{"code":2,"message":"invoice is not accepted"}"#)
            }
            network.invoices[hash]?.state = "SETTLED"
            network.invoices[hash]?.preimage = bytes("preimage")
            return (200, "{}")
        case "/v2/invoices/cancel":
            let hash = Hex.encode(bytes("payment_hash"))
            guard let state = network.invoices[hash]?.state, state != "SETTLED" else {
                return (500, #"{"code":2,"message":"invoice already settled"}"#)
            }
            network.invoices[hash]?.state = "CANCELED"
            return (200, "{}")
        case "/v2/router/send":
            let text = asked["payment_request"] as? String
            guard let known = KnownInvoice.all.first(where: { $0.text == text }) else { return none }
            network.invoices[known.hash, default: .init(blocks: "")].paid += 1
            if network.loses { return (200, line(known.hash, network)) }
            guard network.invoices[known.hash]?.state == "OPEN" else {
                return (409, #"{"error":{"code":6,"message":"payment is in transition"}}"#)
            }
            network.invoices[known.hash]?.state = "ACCEPTED"
            return (200, line(known.hash, network))
        default: break
        }
        let last = path.split(separator: "/").last.map(String.init) ?? ""
        if path.hasPrefix("/v2/router/track/") {
            let base64 = last.replacing("-", with: "+").replacing("_", with: "/")
            let hash = Hex.encode(Data(base64Encoded: base64).map(Array.init) ?? [])
            guard let found = network.invoices[hash], found.paid > 0 else { return none }
            return (200, line(hash, network))
        }
        guard path.hasPrefix("/v1/invoice/"), let found = network.invoices[last], let hash = Hex.decode(last)
        else { return none }
        let part =
            found.state == "ACCEPTED" ? #"{"state":"ACCEPTED","expiry_height":\#(network.end)}"# : ""
        return (
            200,
            #"{"state":"\#(found.state)","r_hash":"\#(Data(hash).base64EncodedString())","#
                + #""r_preimage":"\#(Data(found.preimage ?? []).base64EncodedString())","htlcs":[\#(part)]}"#
        )
    }

    private static func line(_ hash: String, _ network: ModelNetwork) -> String {
        let found = network.invoices[hash]
        let status =
            switch found?.state {
            case "SETTLED": "SUCCEEDED"
            case "CANCELED": "FAILED"
            default: "IN_FLIGHT"
            }
        return #"{"result":{"payment_hash":"\#(hash)","status":"\#(status)","fee_msat":"7","#
            + #""payment_preimage":"\#(Hex.encode(found?.preimage ?? [UInt8](repeating: 0, count: 32)))","#
            + #""failure_reason":"FAILURE_REASON_INCORRECT_PAYMENT_DETAILS"}}"#
    }
}
