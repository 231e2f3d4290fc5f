// What Core Lightning answers, read strictly, as its schemas have been since 23.08: amounts are whole millisatoshis.
// It must never take an answer to another question, nor a payment under another hash.

import NodeModel
import Wire

enum CoreLightningAnswer {
    /// JSON-RPC's code for a method that is not there.
    static let unknownMethod = -32601

    /// The result, or a plain no.
    enum Said<Result: Codable & Sendable>: Sendable {
        case result(Result)
        case refusal(Int, String)

        var refusal: String? {
            if case .refusal(_, let words) = self { return words }
            return nil
        }
        func result() throws(LightningTrouble) -> Result {
            switch self {
            case .result(let result): return result
            case .refusal(_, let words): throw .refused(words)
            }
        }
    }

    /// A result of which nothing is believed.
    struct Anything: Codable, Sendable {}
    struct Made: Codable, Sendable { var bolt11: String }
    struct Node: Codable, Sendable {
        var id: String
        var network: String
    }
    struct Pays: Codable, Sendable {
        struct Pay: Codable, Sendable {
            var payment_hash: String
            var status: String
            var preimage: String?
            var amount_msat: Int64?
            var amount_sent_msat: Int64?
        }
        var pays: [Pay]
    }
    struct Invoices: Codable, Sendable {
        struct Invoice: Codable, Sendable {
            var payment_hash: String
            var status: String
            var payment_preimage: String?
        }
        var invoices: [Invoice]
    }

    static func read<R: Codable & Sendable>(_ text: String, id: Int64) throws(LightningTrouble) -> Said<R> {
        let answer: ChainAnswer<R>
        do { answer = try ChainAnswer<R>.fromJSON(Array(text.utf8)) } catch {
            throw .unreadable((error as? WireError)?.message ?? "\(error)")
        }
        guard answer.jsonrpc == "2.0", answer.id == id else {
            throw .contradiction("the node's answer is one to another question")
        }
        if let error = answer.error {
            return .refusal(error.code, "the node: \(StrangersWords.plain(error.message))")
        }
        guard let result = answer.result else { throw .unreadable("there is neither result nor error") }
        return .result(result)
    }

    /// A hash may have been tried several times: what pays, or may still, comes before what failed.
    static func claim(_ list: Pays, of hash: Digest) throws(LightningTrouble) -> LightningClaim {
        guard list.pays.allSatisfy({ $0.payment_hash == hash.hex }) else {
            throw .contradiction("the node speaks of another payment")
        }
        if let paid = list.pays.first(where: { $0.status == "complete" }) {
            var fee: Int64?
            if let sent = paid.amount_sent_msat, let amount = paid.amount_msat {
                let (difference, over) = sent.subtractingReportingOverflow(amount)
                fee = over ? .max : max(0, difference)
            }
            return .paid(preimage: paid.preimage.flatMap { Hex.decode($0, count: 32) }, fee: fee)
        }
        if list.pays.isEmpty { return .unknown }
        return list.pays.allSatisfy { $0.status == "failed" }
            ? .failed("the node says that it failed") : .pending
    }

    static func claim(_ list: Invoices, of hash: Digest) throws(LightningTrouble) -> LightningClaim {
        guard let invoice = list.invoices.first else { return .unknown }
        guard list.invoices.count == 1, invoice.payment_hash == hash.hex else {
            throw .contradiction("the node speaks of another invoice")
        }
        switch invoice.status {
        case "paid":
            return .paid(preimage: invoice.payment_preimage.flatMap { Hex.decode($0, count: 32) }, fee: nil)
        case "expired": return .failed("the invoice ran out")
        default: return .pending
        }
    }
}
