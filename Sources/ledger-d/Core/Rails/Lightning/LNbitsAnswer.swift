// What LNbits answers, read strictly.
// It must never read silence or nonsense as a no: whatever is not exactly a known answer is doubt.

import NodeModel
import Wire

enum LNbitsAnswer {
    private struct Details: Codable, Sendable {
        var payment_hash: String
        /// Millisatoshis; below zero for what leaves.
        var amount: Int64
        var fee: Int64?
    }
    private struct Found: WireValue {
        var paid: Bool
        var status: String?
        var preimage: String?
        var details: Details?
    }
    private struct Refused: WireValue {
        var detail: String
        var status: String?
    }
    private struct Made: WireValue { var bolt11: String }
    private struct Held: WireValue { var balance: Int64 }

    /// The words of an answer to a payment that is a plain no: nothing was begun by this request.
    static func refusal(_ body: String, status: Int) -> String? {
        // What is still pending, or paid already, is no failure; a look-up tells.
        guard [400, 401, 403, 404, 520].contains(status), let refused: Refused = read(body),
            refused.status ?? "failed" == "failed"
        else { return nil }
        return "LNbits: \(StrangersWords.plain(refused.detail))"
    }

    static func claim(
        _ body: String, status: Int, of hash: Digest, isIncoming: Bool
    ) throws(LightningTrouble) -> LightningClaim {
        if status == 404, let refused: Refused = read(body), refused.detail == "Payment does not exist." {
            return .unknown
        }
        guard let found: Found = try answer(body, status) else { throw .unreadable("a payment") }
        // Without its key LNbits speaks of anybody's payment, and leaves the details out.
        guard let details = found.details else { throw .refused("it does not know the account's key") }
        guard details.payment_hash == hash.hex else {
            throw .contradiction("LNbits speaks of another payment")
        }
        // The account made the invoice, and has paid nothing for it; or the other way round.
        guard (details.amount > 0) == isIncoming else { return .unknown }
        if found.paid {
            let preimage = found.preimage.flatMap { Hex.decode($0, count: 32) }
            return .paid(preimage: preimage, fee: details.fee.map { Int64(clamping: $0.magnitude) })
        }
        return found.status == "failed" ? .failed("LNbits says that it failed") : .pending
    }

    static func made(_ body: String, status: Int) throws(LightningTrouble) -> String {
        guard let made: Made = try answer(body, status) else { throw .unreadable("an invoice") }
        return made.bolt11
    }

    static func balance(_ body: String, status: Int) throws(LightningTrouble) -> Int64 {
        guard let held: Held = try answer(body, status) else { throw .unreadable("a balance") }
        return held.balance
    }

    /// - Returns: nil when it has not the form of the answer.
    private static func answer<R: WireValue>(_ body: String, _ status: Int) throws(LightningTrouble) -> R? {
        guard status == 200 || status == 201 else {
            guard (400..<500).contains(status) || status == 520, let refused: Refused = read(body) else {
                throw .silent("HTTP status \(status)")
            }
            throw .refused(StrangersWords.plain(refused.detail))
        }
        return read(body)
    }

    private static func read<R: WireValue>(_ body: String) -> R? { try? R.fromJSON(Array(body.utf8)) }
}
