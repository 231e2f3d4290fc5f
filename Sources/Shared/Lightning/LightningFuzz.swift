// The door through which a stranger's invoice enters this module, for fuzzing.
// It must never be called by a daemon.

import NodeModel

/// Entry points for fuzzers.
public enum LightningFuzz {
    /// An invoice as text; then the same bytes as words, so that fields are reached without a right checksum.
    public static func invoice(_ bytes: UnsafeRawBufferPointer) {
        let text = String(decoding: bytes, as: UTF8.self)
        if let invoice = try? Invoice(text) {
            precondition(invoice.paymentSecret.count == 32, "a secret without its length")
            precondition(invoice.expiresAt >= invoice.createdAt, "an invoice that expires before it is made")
        }
        _ = try? InvoiceFields(bytes.map { $0 & 31 }[...])
        _ = try? InvoiceAmount(prefix: text)
    }
}
