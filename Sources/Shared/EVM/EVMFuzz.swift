// The doors through which a stranger's bytes enter this module, for fuzzing: each must survive any input, and
// what is accepted must be spelled as it came. It must never be called by a daemon.

/// Entry points for fuzzers.
public enum EVMFuzz {
    /// An RLP item: what decodes must encode to the same bytes.
    public static func rlp(_ bytes: UnsafeRawBufferPointer) {
        guard let item = try? RLP(decoding: Array(bytes)) else { return }
        precondition(item.encoded == Array(bytes), "RLP has two spellings")
    }

    /// A signed transaction: what decodes must encode to the same bytes.
    public static func transaction(_ bytes: UnsafeRawBufferPointer) {
        guard let signed = try? SignedEVMTransaction(raw: Array(bytes)) else { return }
        precondition(
            signed.transaction.encoded(signed.signature) == Array(bytes), "a transaction has two spellings")
    }

    /// ABI words as several layouts, the first byte choosing which.
    public static func abi(_ bytes: UnsafeRawBufferPointer) {
        guard let first = bytes.first else { return }
        let types = layouts[Int(first) % layouts.count]
        let words = Array(bytes.dropFirst())
        guard let values = try? ABI.decode(words, as: types) else { return }
        precondition((try? ABI.encode(values, as: types)) == words, "ABI words have two spellings")
    }

    private static let layouts: [[ABIType]] = [
        [.uint(256), .uint(8), .address, .bool, .fixedBytes(32), .fixedBytes(4)],
        [.string, .bytes, .string],
        [.array(.uint(128)), .array(.array(.string))],
        [.array(.tuple([.tuple([.address, .bytes]), .uint(64), .array(.bool)])), .bytes],
        [.tuple([.tuple([.uint(256), .address]), .fixedBytes(1)]), .array(.tuple([.address, .address]))],
    ]
}
