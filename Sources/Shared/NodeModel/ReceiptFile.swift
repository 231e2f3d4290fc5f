// The file a person keeps: a receipt with both signatures, which anyone can check offline.
// It must never accept a file in which any byte differs from what `encode` would write.

/// Reading and writing of receipt files.
public enum ReceiptFile {
    /// The longest file read, in bytes; ours have about 3 KiB.
    public static let longest = 64 * 1024

    /// Why a file is not a receipt.
    public enum Failure: Error, Hashable, Sendable {
        /// Larger than any receipt.
        case tooLarge(Int)
        /// Not canonical JSON and one newline.
        case notCanonical(CanonicalJSONError)
        /// Does not end in exactly one newline.
        case newline
        /// The receipt is wrong.
        case receipt(ReceiptError)
        /// The acceptance is wrong.
        case acceptance(ReceiptError)
    }

    /// The bytes of a file: canonical JSON and a newline.
    public static func encode(_ bundle: ReceiptBundle) throws(CanonicalJSONError) -> [UInt8] {
        try CanonicalJSON.encode(bundle) + [0x0A]
    }

    /// Checks every byte, both signatures, and that they belong together.
    public static func verify(
        _ bytes: some Collection<UInt8>
    ) throws(Failure) -> (bundle: ReceiptBundle, body: ReceiptBody) {
        guard bytes.count <= longest else { throw .tooLarge(bytes.count) }
        var content = Array(bytes)
        guard content.popLast() == 0x0A else { throw .newline }
        let bundle: ReceiptBundle
        do { bundle = try CanonicalJSON.decode(ReceiptBundle.self, from: content) } catch {
            throw .notCanonical(error)
        }
        let body: ReceiptBody
        do { body = try ReceiptBody(bundle.receipt) } catch { throw .receipt(error) }
        if let acceptance = bundle.acceptance {
            do { try Acceptance.check(acceptance, receipt: bundle.receipt, body: body) } catch {
                throw .acceptance(error)
            }
        }
        return (bundle, body)
    }
}

extension ReceiptFile.Failure: CustomStringConvertible {
    /// A sentence for people.
    public var description: String {
        switch self {
        case .tooLarge(let size): "\(size) bytes are more than any receipt has"
        case .notCanonical(let error): "the file is \(error)"
        case .newline: "the file does not end in a newline"
        case .receipt(let error): "the receipt does not hold: \(error)"
        case .acceptance(let error): "the acceptance does not hold: \(error)"
        }
    }
}
