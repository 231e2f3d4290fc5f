// The types and values of contract calls that Infernet makes: what Solidity and Vyper call their arguments.
// It must never stand for a type that nothing here uses; signed integers and fixed arrays have no place yet.

/// The type of an argument.
public indirect enum ABIType: Hashable, Sendable, CustomStringConvertible {
    /// An unsigned integer of 8 to 256 bits, in steps of 8.
    case uint(Int)
    case address
    case bool
    /// 1 to 32 bytes, in one word.
    case fixedBytes(Int)
    case bytes
    case string
    case array(ABIType)
    case tuple([ABIType])

    /// How the type is spelled in a function's signature.
    public var description: String {
        switch self {
        case .uint(let bits): "uint\(bits)"
        case .address: "address"
        case .bool: "bool"
        case .fixedBytes(let count): "bytes\(count)"
        case .bytes: "bytes"
        case .string: "string"
        case .array(let element): "\(element)[]"
        case .tuple(let members): "(\(members.map(\.description).joined(separator: ",")))"
        }
    }

    /// Whether values lie behind an offset, because their length varies.
    var isDynamic: Bool {
        switch self {
        case .bytes, .string, .array: true
        case .tuple(let members): members.contains(where: \.isDynamic)
        default: false
        }
    }

    /// Bytes that a value takes in the head of the sequence it stands in.
    var headSize: Int {
        guard !isDynamic, case .tuple(let members) = self else { return 32 }
        return members.reduce(0) { $0 + $1.headSize }
    }
}

/// The value of an argument.
public indirect enum ABIValue: Hashable, Sendable {
    case uint(UInt256)
    case address(EVMAddress)
    case bool(Bool)
    /// For `fixedBytes` and `bytes`.
    case bytes([UInt8])
    case string(String)
    /// The elements of an array, or the members of a tuple in order.
    case list([ABIValue])

    public static func uint(_ value: UInt64) -> ABIValue { .uint(UInt256(value)) }
}

/// Why values cannot be written, or bytes not be read.
public enum ABIError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A value is not of its type, by kind or by size.
    case wrongValue(ABIType)
    /// Another number of values than of types.
    case wrongCount(expected: Int, found: Int)
    /// The bytes end inside a value.
    case truncated
    /// Bytes follow the last value, or lie between values.
    case misplaced
    /// A word holds more than its type has room for, or padding that is not zero.
    case notCanonical(ABIType)
    /// A string is not UTF-8.
    case notText
    /// The call is of another function.
    case wrongSelector

    public var description: String {
        switch self {
        case .wrongValue(let type): "a value is no \(type)"
        case .wrongCount(let expected, let found): "there are \(found) values where \(expected) are due"
        case .truncated: "the ABI bytes end inside a value"
        case .misplaced: "the ABI bytes are not laid out one value after the other"
        case .notCanonical(let type): "a word holds more than fits into \(type)"
        case .notText: "a string is not UTF-8"
        case .wrongSelector: "the call is of another function"
        }
    }
}
