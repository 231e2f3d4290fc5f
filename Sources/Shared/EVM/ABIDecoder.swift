// Words of a contract's answer into values, strictly: each offset must lead to where the next value lies.
// It must never allocate more than the bytes could hold, nor read one byte as part of two values.

extension ABI {
    /// The values in `bytes`; no byte may be left over.
    public static func decode(_ bytes: [UInt8], as types: [ABIType]) throws(ABIError) -> [ABIValue] {
        var decoder = ABIDecoder(bytes: bytes)
        let values = try decoder.sequence(types)
        guard decoder.position == bytes.count else { throw .misplaced }
        return values
    }
}

struct ABIDecoder {
    let bytes: [UInt8]
    /// Where the next value lies. Values follow one another, so that this only ever moves forward.
    private(set) var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// Heads, then tails; on return `position` is behind the last tail.
    mutating func sequence(_ types: [ABIType]) throws(ABIError) -> [ABIValue] {
        let base = position
        let heads = types.reduce(0) { $0 + $1.headSize }
        guard heads <= bytes.count - base else { throw .truncated }
        var values: [ABIValue] = []
        var offsets: [Int] = []
        for type in types {
            if type.isDynamic {
                offsets.append(try count())
                values.append(.bool(false))
            } else {
                values.append(try inline(type))
            }
        }
        for (index, type) in types.enumerated() where type.isDynamic {
            guard offsets.removeFirst() == position - base else { throw .misplaced }
            values[index] = try behindOffset(type)
        }
        return values
    }

    private mutating func inline(_ type: ABIType) throws(ABIError) -> ABIValue {
        if case .tuple(let members) = type { return .list(try sequence(members)) }
        let word = try take(32)
        switch type {
        case .uint(let bits):
            guard let number = UInt256(bytes: word), number.bitWidth <= bits else {
                throw .notCanonical(type)
            }
            return .uint(number)
        case .address:
            guard word.prefix(12).allSatisfy({ $0 == 0 }),
                let address = EVMAddress(bytes: Array(word.suffix(20)))
            else { throw .notCanonical(type) }
            return .address(address)
        case .bool:
            guard word.dropLast().allSatisfy({ $0 == 0 }), let last = word.last, last < 2 else {
                throw .notCanonical(type)
            }
            return .bool(last == 1)
        case .fixedBytes(let count):
            guard word.dropFirst(count).allSatisfy({ $0 == 0 }) else { throw .notCanonical(type) }
            return .bytes(Array(word.prefix(count)))
        case .bytes, .string, .array, .tuple: throw .wrongValue(type)
        }
    }

    private mutating func behindOffset(_ type: ABIType) throws(ABIError) -> ABIValue {
        switch type {
        case .bytes: return .bytes(try padded(type))
        case .string:
            guard let text = String(validating: try padded(type), as: UTF8.self) else { throw .notText }
            return .string(text)
        case .array(let element):
            let length = try count()
            // An element takes at least its head; a length that cannot be is refused before anything is made.
            guard element.headSize > 0, length <= (bytes.count - position) / element.headSize else {
                throw .truncated
            }
            return .list(try sequence([ABIType](repeating: element, count: length)))
        case .tuple(let members): return .list(try sequence(members))
        default: throw .wrongValue(type)
        }
    }

    private mutating func padded(_ type: ABIType) throws(ABIError) -> [UInt8] {
        let length = try count()
        let content = Array(try take(length))
        guard try take((32 - length % 32) % 32).allSatisfy({ $0 == 0 }) else { throw .notCanonical(type) }
        return content
    }

    /// A length or an offset: more than the bytes there are is more than can be.
    private mutating func count() throws(ABIError) -> Int {
        guard let value = UInt256(bytes: try take(32))?.exactInt64, value <= bytes.count else {
            throw .truncated
        }
        return Int(value)
    }

    private mutating func take(_ length: Int) throws(ABIError) -> ArraySlice<UInt8> {
        guard length <= bytes.count - position else { throw .truncated }
        defer { position += length }
        return bytes[position..<(position + length)]
    }
}
