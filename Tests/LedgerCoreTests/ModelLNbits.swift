// A small LNbits in memory behind a carrier: one wallet, whose payments it makes as it is told, once for each hash.
// It must never know what ledger-d means to do: it has the requests alone.

import Foundation
import Lightning
import NIOConcurrencyHelpers
import NodeModel
import Wire

@testable import LedgerCore

/// An invoice with its preimage, made by another implementation.
struct KnownInvoice: Decodable, Sendable {
    let name: String
    let amount: Int64?
    let text: String
    let hash: String
    let preimage: String
    let memo: String
    let expiry: Int64
    var digest: Digest { Digest(hex: hash) ?? Digest(hashing: "") }
    var secret: [UInt8] { Hex.decode(preimage) ?? [] }

    /// When all of them were made, in Unix seconds.
    static let made: Int64 = 1_790_000_000
    static let all: [KnownInvoice] = {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let path = folder.joined(separator: "/") + "/vectors/invoices.json"
        let data = try? Data(contentsOf: URL(fileURLWithPath: path))
        return (try? JSONDecoder().decode([KnownInvoice].self, from: data ?? Data())) ?? []
    }()
    static func named(_ name: String) throws -> KnownInvoice {
        guard let found = all.first(where: { $0.name == name }) else {
            throw WireError(.notFound, "vectors/invoices.json has no \(name)")
        }
        return found
    }
}

final class ModelLNbits: KeyedCarrier, Sendable {
    enum Manner: Sendable {
        case pays, waits, fails, refuses
    }

    struct Payment: Sendable {
        var amount: Int64
        var fee: Int64 = 0
        var status: String
        var preimage: String
    }

    struct State {
        var manner = Manner.pays
        var fee: Int64 = 3_000
        var payments: [String: Payment] = [:]
        /// How often money left for a hash.
        var left: [String: Int] = [:]
        /// Invoices that it will give out, in this order.
        var coming: [KnownInvoice] = KnownInvoice.all.filter { $0.name.hasPrefix("own") }
        var requests: [String] = []
        /// Stands between LNbits and ledger-d: may change an answer, or drop it with nil.
        var lie: (@Sendable (_ path: String, _ status: Int, _ body: String) -> (Int, String)?)?
        /// Requests that hang in the carrier: done when the test lets them through.
        var holds = false
        var held: [(path: String, body: String)] = []
    }

    static let secret = "0123456789abcdef"
    let state = NIOLockedValueBox(State())

    func change<T>(_ body: (inout State) throws -> T) rethrows -> T { try state.withLockedValue(body) }

    /// What hung arrives.
    func release() {
        change { state in
            let held = state.held
            state.held = []
            for request in held { _ = Self.answer(request.path, request.body, &state) }
        }
    }

    /// The payments that waited are made.
    func complete() {
        change { state in
            for (hash, payment) in state.payments where payment.status == "pending" && payment.amount < 0 {
                state.payments[hash]?.status = "success"
                state.left[hash, default: 0] += 1
            }
        }
    }

    /// Somebody pays an invoice of the wallet's.
    func receive(_ invoice: KnownInvoice) {
        change { $0.payments[invoice.hash]?.status = "success" }
    }

    func carry(
        _ endpoint: String, path: String, body: String, secret: String
    ) async throws -> (status: Int, body: String) {
        let answer: (Int, String)? = change { state in
            state.requests.append(body.isEmpty ? "GET \(path)" : "POST \(path)")
            guard secret == Self.secret else { return (401, #"{"detail":"Invalid key."}"#) }
            if state.holds, !body.isEmpty {
                state.held.append((path, body))
                return nil
            }
            let (status, text) = Self.answer(path, body, &state)
            guard let lie = state.lie else { return (status, text) }
            return lie(path, status, text)
        }
        guard let answer else { throw WireError(.unavailable, "the answer was dropped") }
        return answer
    }

    static func answer(_ path: String, _ body: String, _ state: inout State) -> (Int, String) {
        let asked = (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any]
        if path == "/api/v1/wallet" { return (200, #"{"name":"w","balance":77000}"#) }
        if path == "/api/v1/payments", let asked {
            return asked["out"] as? Bool == true ? pay(asked, &state) : make(asked, &state)
        }
        guard let hash = path.split(separator: "/").last.map(String.init), let payment = state.payments[hash]
        else { return (404, #"{"detail":"Payment does not exist."}"#) }
        let details = text(hash, payment)
        if payment.status == "success" {
            return (200, #"{"paid":true,"preimage":"\#(payment.preimage)","details":\#(details)}"#)
        }
        return (200, #"{"paid":false,"status":"\#(payment.status)","preimage":null,"details":\#(details)}"#)
    }

    /// A payment as LNbits tells it.
    static func text(_ hash: String, _ payment: Payment) -> String {
        #"{"checking_id":"\#(hash)","payment_hash":"\#(hash)","amount":\#(payment.amount),"fee":\#(-payment.fee),"#
            + #""status":"\#(payment.status)","memo":"words","extra":{},"labels":[]}"#
    }

    private static func pay(_ asked: [String: Any], _ state: inout State) -> (Int, String) {
        guard let bolt11 = asked["bolt11"] as? String,
            let known = KnownInvoice.all.first(where: { $0.text == bolt11 }), let amount = known.amount
        else { return (520, #"{"detail":"Bolt11 decoding failed.","status":"failed"}"#) }
        if let earlier = state.payments[known.hash] {
            let status = earlier.status
            return (520, #"{"detail":"Payment already there.","status":"\#(status)"}"#)
        }
        var payment = Payment(
            amount: -amount, fee: state.fee, status: "success", preimage: known.preimage)
        switch state.manner {
        case .refuses: return (520, #"{"detail":"Insufficient balance.","status":"failed"}"#)
        case .pays: state.left[known.hash, default: 0] += 1
        case .waits: payment.status = "pending"
        case .fails: payment.status = "failed"
        }
        state.payments[known.hash] = payment
        return state.manner == .fails
            ? (520, #"{"detail":"Payment failed: no route.","status":"failed"}"#)
            : (201, text(known.hash, payment))
    }

    private static func make(_ asked: [String: Any], _ state: inout State) -> (Int, String) {
        guard !state.coming.isEmpty else { return (500, "{}") }
        let invoice = state.coming.removeFirst()
        state.payments[invoice.hash] = Payment(
            amount: invoice.amount ?? 0, status: "pending", preimage: invoice.preimage)
        return (201, #"{"payment_hash":"\#(invoice.hash)","bolt11":"\#(invoice.text)","amount":1,"fee":0}"#)
    }
}
