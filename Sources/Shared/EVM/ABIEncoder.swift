// Values into the words of a contract call (Solidity's ABI, version 2).
// It must never cut a value to size: what does not fit its type is refused.

/// Encodes and decodes sequences of values.
public enum ABI {
    /// The values, one after the other: heads first, then what lies behind offsets.
    public static func encode(_ values: [ABIValue], as types: [ABIType]) throws(ABIError) -> [UInt8] {
        guard values.count == types.count else {
            throw .wrongCount(expected: types.count, found: values.count)
        }
        var heads: [UInt8] = []
        var tails: [UInt8] = []
        let headSize = types.reduce(0) { $0 + $1.headSize }
        for (value, type) in zip(values, types) {
            let encoded = try encode(value, as: type)
            if type.isDynamic {
                heads += word(headSize + tails.count)
                tails += encoded
            } else {
                heads += encoded
            }
        }
        return heads + tails
    }

    /// One value, without the offset that leads to it.
    static func encode(_ value: ABIValue, as type: ABIType) throws(ABIError) -> [UInt8] {
        switch (type, value) {
        case (.bytes, .bytes(let bytes)): return word(bytes.count) + padded(bytes)
        case (.string, .string(let text)): return word(text.utf8.count) + padded(Array(text.utf8))
        case (.array(let element), .list(let values)):
            let types = [ABIType](repeating: element, count: values.count)
            return word(values.count) + (try encode(values, as: types))
        case (.tuple(let members), .list(let values)): return try encode(values, as: members)
        default: return try atom(value, as: type)
        }
    }

    /// The one word of a value that is never behind an offset; typed data (EIP-712) has the same words.
    static func atom(_ value: ABIValue, as type: ABIType) throws(ABIError) -> [UInt8] {
        switch (type, value) {
        case (.uint(let bits), .uint(let number)) where number.bitWidth <= bits: return number.bytes
        case (.address, .address(let address)): return [UInt8](repeating: 0, count: 12) + address.bytes
        case (.bool, .bool(let flag)): return word(flag ? 1 : 0)
        case (.fixedBytes(let count), .bytes(let bytes)) where bytes.count == count: return padded(bytes)
        default: throw .wrongValue(type)
        }
    }

    static func word(_ value: Int) -> [UInt8] { UInt256(UInt64(value)).bytes }

    private static func padded(_ bytes: [UInt8]) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
    }
}
