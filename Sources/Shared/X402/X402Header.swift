// x402's three headers: JSON in base64. They go through HTTP as they are, and through our own envelopes as text.
// It must never read more than a document can honestly have.

import FoundationEssentials

/// Names and coding of the headers.
public enum X402Header {
    /// Comes with status 402: what can be paid, and how.
    public static let required = "PAYMENT-REQUIRED"
    /// Comes with the request: the payment.
    public static let signature = "PAYMENT-SIGNATURE"
    /// Comes with the answer: what became of it.
    public static let response = "PAYMENT-RESPONSE"

    /// The longest document, before base64.
    public static let mostBytes = 16_384

    static func read(_ text: some StringProtocol) throws(X402Error) -> X402Value {
        guard text.utf8.count <= (mostBytes + 2) / 3 * 4 else { throw .tooLarge }
        guard let bytes = Data(base64Encoded: String(text)), !bytes.isEmpty else { throw .notBase64 }
        guard bytes.count <= mostBytes else { throw .tooLarge }
        return try X402Value(Array(bytes))
    }

    static func write(_ value: X402Value) -> String { Data(value.json).base64EncodedString() }
}

/// A document that travels as a header.
public protocol X402Document: Hashable, Sendable {
    init(_ value: X402Value) throws(X402Error)
    var value: X402Value { get }
}

extension X402Document {
    /// Reads a header's text.
    public init(header text: some StringProtocol) throws(X402Error) {
        try self.init(try X402Header.read(text))
    }

    /// The header's text.
    public var header: String { X402Header.write(value) }
}

extension X402Value {
    /// Version 2, the only one that is spoken.
    static let version = X402Value.number(2)

    static func checkVersion(_ fields: X402Fields) throws(X402Error) {
        guard fields.value("x402Version") == version else { throw .version }
    }
}
