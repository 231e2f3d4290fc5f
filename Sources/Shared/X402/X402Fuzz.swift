// The door through which strangers' payments enter this module, for fuzzing: each must survive any input, and what is
// accepted must read the same when it is written again. It must never be called by a daemon.

import NodeModel

/// Entry points for fuzzers.
public enum X402Fuzz {
    /// A document, the first byte choosing which and whether it comes as a header.
    public static func document(_ bytes: UnsafeRawBufferPointer) {
        guard let first = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        switch first % 3 {
        case 0: check(PaymentRequired.self, rest, first)
        case 1: check(SettlementResponse.self, rest, first)
        default:
            guard let payload = check(PaymentPayload.self, rest, first) else { return }
            if let exact = try? ExactPayment(payload.payload) {
                precondition((try? ExactPayment(exact.payload)) == exact, "a payment reads otherwise")
                _ = exact.problem(
                    payload.accepted, BatchSettlement.domain(payload.accepted.chainID ?? 0), now: 1 << 31)
            }
            if let batch = try? BatchPayment(payload.payload) {
                precondition((try? BatchPayment(batch.payload)) == batch, "a payment reads otherwise")
                _ = batch.problem(payload.accepted)
            }
        }
    }

    @discardableResult
    private static func check<D: X402Document>(_ type: D.Type, _ bytes: [UInt8], _ first: UInt8) -> D? {
        do throws(X402Error) {
            let document =
                first & 128 == 0
                ? try D(X402Value(bytes)) : try D(header: String(decoding: bytes, as: UTF8.self))
            precondition((try? D(header: document.header)) == document, "a document reads otherwise")
            return document
        } catch {
            precondition(
                error.description.utf8.allSatisfy { (0x20...0x7E).contains($0) },
                "a stranger's words reach a terminal")
            return nil
        }
    }
}
