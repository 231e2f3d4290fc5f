// The members of one object, read one by one into values with a meaning; whatever is wrong is named by its path.
// It must never take a value in a second spelling: an amount is decimal text, an address has a right checksum.

import EVM
import NodeModel

struct X402Fields {
    let path: String
    let members: [String: X402Value]

    /// The longest text of any field.
    static let longestText = 2_048

    init(_ value: X402Value, _ path: String) throws(X402Error) {
        guard case .object(let members) = value else { throw .field(path, "must be an object") }
        self.path = path
        self.members = members
    }

    func has(_ key: String) -> Bool { value(key) != nil }

    /// Null stands for a member that is not there.
    func value(_ key: String) -> X402Value? {
        if case .null? = members[key] { return nil }
        return members[key]
    }

    func object(_ key: String) throws(X402Error) -> X402Fields {
        try X402Fields(try required(key), place(key))
    }

    func text(_ key: String, upTo longest: Int = longestText) throws(X402Error) -> String {
        guard case .text(let text) = try required(key), text.utf8.count <= longest else {
            throw .field(place(key), "must be text of at most \(longest) bytes")
        }
        return text
    }

    func optionalText(_ key: String) throws(X402Error) -> String? {
        has(key) ? try text(key) : nil
    }

    func flag(_ key: String) throws(X402Error) -> Bool {
        guard case .flag(let flag) = try required(key) else {
            throw .field(place(key), "must be true or false")
        }
        return flag
    }

    func integer(_ key: String, _ range: ClosedRange<Int64>) throws(X402Error) -> Int64 {
        guard let number = try required(key).integer, range.contains(number) else {
            throw .field(
                place(key), "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// An amount in the asset's smallest unit: decimal text, below 2^`bits`.
    func amount(_ key: String, bits: Int = 128) throws(X402Error) -> UInt256 {
        guard case .text(let text) = try required(key), let amount = UInt256(decimal: text),
            amount.bitWidth <= bits
        else { throw .field(place(key), "must be a decimal number of at most \(bits) bits, as text") }
        return amount
    }

    /// Seconds, as decimal text.
    func seconds(_ key: String) throws(X402Error) -> UInt64 {
        guard let seconds = try amount(key, bits: 64).exactUInt64 else {
            throw .field(place(key), "must be a time in seconds")
        }
        return seconds
    }

    func address(_ key: String) throws(X402Error) -> EVMAddress {
        let text = try text(key, upTo: 42)
        do { return try EVMAddress(text) } catch {
            throw .field(place(key), "must be an address with a right checksum")
        }
    }

    func word(_ key: String) throws(X402Error) -> Digest {
        guard case .text(let text) = try required(key), text.hasPrefix("0x"),
            let bytes = Hex.decode(text.dropFirst(2).lowercased(), count: 32),
            let word = Digest(bytes: bytes)
        else { throw .field(place(key), "must be 0x and 64 hexadecimal characters") }
        return word
    }

    /// A signature of an account without code: r, s, v, with a low s.
    func signature(_ key: String) throws(X402Error) -> EVMSignature {
        guard case .text(let text) = try required(key), text.hasPrefix("0x"),
            let bytes = Hex.decode(text.dropFirst(2).lowercased(), count: 65),
            let signature = EVMSignature(bytes: bytes)
        else { throw .field(place(key), "must be a signature of 65 bytes with a low s") }
        return signature
    }

    func place(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    func required(_ key: String) throws(X402Error) -> X402Value {
        guard let value = value(key) else { throw .field(place(key), "is missing") }
        return value
    }
}

extension X402Value {
    static func amount(_ amount: UInt256) -> X402Value { .text(amount.description) }
    static func address(_ address: EVMAddress) -> X402Value { .text(address.checksummed) }
    static func word(_ word: Digest) -> X402Value { .text("0x" + word.hex) }
    static func signature(_ signature: EVMSignature) -> X402Value {
        .text("0x" + Hex.encode(signature.bytes))
    }
}
