// Whole values at the cursor, for those who read a document by hand.
// It must never take what JSONDecoder would not take, or take otherwise: such a document is read again by Codable.

extension JSONScanner {
    /// Visits the elements of an array with the cursor at each value; the visitor must read it.
    public mutating func array(
        _ visit: (inout JSONScanner) throws(JSONFault) -> Void
    ) throws(JSONFault) {
        try expect(0x5B)
        if try peek() == 0x5D { return try expect(0x5D) }
        while true {
            try visit(&self)
            if try peek() == 0x5D { return try expect(0x5D) }
            try expect(0x2C)
        }
    }

    /// Keeps a member's value; a second one of the same name is a fault.
    public mutating func once<Value>(
        _ place: inout Value?, _ read: (inout JSONScanner) throws(JSONFault) -> Value
    ) throws(JSONFault) {
        guard place == nil else { throw .duplicateKey }
        place = try read(&self)
    }

    /// An integer without fraction or exponent, in its only spelling.
    public mutating func integer<Value: FixedWidthInteger>() throws(JSONFault) -> Value {
        let text = try scalar()
        guard Self.isPlainInteger(text), let value = Value(Self.text(text), radix: 10) else {
            throw .badNumber
        }
        return value
    }

    /// A number without exponent.
    public mutating func double() throws(JSONFault) -> Double {
        let text = try scalar()
        let whole = text.prefix { $0 != 0x2E }
        let fraction = text.dropFirst(whole.count + 1)
        // Not "-0": it is another number than 0.
        guard Self.isPlainInteger(UnsafeRawBufferPointer(rebasing: whole)), fraction.allSatisfy(Self.isDigit),
            whole.count == text.count || !fraction.isEmpty, let value = Double(Self.text(text))
        else { throw .badNumber }
        return value
    }

    /// `true` or `false`.
    public mutating func bool() throws(JSONFault) -> Bool {
        let text = try scalar()
        if text.elementsEqual("true".utf8) { return true }
        if text.elementsEqual("false".utf8) { return false }
        throw .unexpected(at: position)
    }

    private mutating func scalar() throws(JSONFault) -> UnsafeRawBufferPointer {
        let first = try peek()
        guard first != 0x22, first != 0x7B, first != 0x5B else { throw .unexpected(at: position) }
        return UnsafeRawBufferPointer(rebasing: bytes[try skip()])
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes, as: UTF8.self)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func isPlainInteger(_ text: UnsafeRawBufferPointer) -> Bool {
        let isNegative = text.first == 0x2D
        let digits = text.dropFirst(isNegative ? 1 : 0)
        guard let first = digits.first, digits.allSatisfy(isDigit) else { return false }
        return first != 0x30 || digits.count == 1 && !isNegative
    }
}
