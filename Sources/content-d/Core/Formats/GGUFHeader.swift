// The header of a GGUF file (versions 2 and 3, little-endian): its metadata and where its tensors end. Pure.
// It must never trust a count or a length that the file claims.

/// What a GGUF file says of itself.
struct GGUFHeader: Hashable, Sendable {
    /// A metadata value that is kept; arrays and long texts are skipped.
    enum Value: Hashable, Sendable {
        case unsigned(UInt64)
        case signed(Int64)
        case real(Double)
        case bool(Bool)
        case string(String)
        /// How many elements.
        case array(UInt64)
    }

    static let magic = Array("GGUF".utf8)
    private static let mostPairs: UInt64 = 65_536
    private static let mostTensors: UInt64 = 1_048_576
    private static let longestName: UInt64 = 65_535
    private static let longestKept: UInt64 = 4_096
    private static let mostDimensions: UInt32 = 8

    var version: UInt32
    var tensors: UInt64
    var values: [String: Value]
    /// Where the last tensor ends, in bytes from the file's start; nil when a tensor has a type unknown to this build.
    var end: UInt64?

    /// Reads a header from the file's first bytes.
    ///
    /// - Throws: `HeaderFault`; with `outOfBytes` when `bytes` ended first.
    init(_ bytes: UnsafeRawBufferPointer) throws(HeaderFault) {
        var reader = ByteReader(bytes)
        guard try reader.take(4, "the magic").elementsEqual(Self.magic) else {
            throw reader.fault("not GGUF")
        }
        version = try reader.integer(UInt32.self, "the version")
        guard version == 2 || version == 3 else { throw reader.fault("GGUF version \(version) is unknown") }
        tensors = try reader.integer(UInt64.self, "the number of tensors")
        let pairs = try reader.integer(UInt64.self, "the number of metadata pairs")
        guard tensors <= Self.mostTensors else { throw reader.fault("\(tensors) tensors are too many") }
        guard pairs <= Self.mostPairs else { throw reader.fault("\(pairs) metadata pairs are too many") }
        values = [:]
        for _ in 0..<pairs {
            let key = try reader.string("a metadata key", longest: Self.longestName)
            let value = try Self.value(
                &reader, type: try reader.integer(UInt32.self, "the type of \(key)"), key)
            guard values.updateValue(value, forKey: key) == nil else {
                throw reader.fault("\(key) stands twice")
            }
        }
        end = try Self.end(&reader, tensors: tensors, alignment: values["general.alignment"])
    }

    private static func value(
        _ reader: inout ByteReader, type: UInt32, _ key: String
    ) throws(HeaderFault) -> Value {
        switch type {
        case 0: .unsigned(UInt64(try reader.integer(UInt8.self, key)))
        case 1: .signed(Int64(try reader.integer(Int8.self, key)))
        case 2: .unsigned(UInt64(try reader.integer(UInt16.self, key)))
        case 3: .signed(Int64(try reader.integer(Int16.self, key)))
        case 4: .unsigned(UInt64(try reader.integer(UInt32.self, key)))
        case 5: .signed(Int64(try reader.integer(Int32.self, key)))
        case 6: .real(Double(Float(bitPattern: try reader.integer(UInt32.self, key))))
        case 7: .bool(try reader.integer(UInt8.self, key) != 0)
        case 8: try text(&reader, key)
        case 9: .array(try skipArray(&reader, key, depth: 0))
        case 10: .unsigned(try reader.integer(UInt64.self, key))
        case 11: .signed(try reader.integer(Int64.self, key))
        case 12: .real(Double(bitPattern: try reader.integer(UInt64.self, key)))
        default: throw reader.fault("\(key) has the unknown type \(type)")
        }
    }

    /// A text; a long one, as a chat template, is only counted.
    private static func text(_ reader: inout ByteReader, _ key: String) throws(HeaderFault) -> Value {
        let length = try reader.integer(UInt64.self, key)
        let raw = try reader.take(length, key)
        guard length <= longestKept else { return .array(length) }
        guard let text = String(validating: raw, as: UTF8.self) else {
            throw reader.fault("\(key) is not UTF-8")
        }
        return .string(text)
    }

    private static func skipArray(
        _ reader: inout ByteReader, _ key: String, depth: Int
    ) throws(HeaderFault) -> UInt64 {
        let type = try reader.integer(UInt32.self, key)
        let count = try reader.integer(UInt64.self, key)
        switch type {
        case 8:
            for _ in 0..<count { _ = try reader.take(try reader.integer(UInt64.self, key), key) }
        case 9:
            guard depth < 3 else { throw reader.fault("\(key) nests arrays too deeply") }
            for _ in 0..<count { _ = try skipArray(&reader, key, depth: depth + 1) }
        default:
            guard let size = scalarSizes[type] else {
                throw reader.fault("\(key) has the unknown type \(type)")
            }
            let (bytes, over) = count.multipliedReportingOverflow(by: size)
            guard !over else { throw reader.fault("\(key) claims \(count) elements") }
            _ = try reader.take(bytes, key)
        }
        return count
    }

    private static let scalarSizes: [UInt32: UInt64] = [
        0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8,
    ]

    /// Where the last tensor's bytes end, counted from the start of the file.
    private static func end(
        _ reader: inout ByteReader, tensors: UInt64, alignment: Value?
    ) throws(HeaderFault) -> UInt64? {
        var last: UInt64? = 0
        for _ in 0..<tensors {
            let name = try reader.string("a tensor's name", longest: longestName)
            let dimensions = try reader.integer(UInt32.self, name)
            guard dimensions <= mostDimensions else {
                throw reader.fault("\(name) has \(dimensions) dimensions")
            }
            var elements: UInt64 = 1
            for _ in 0..<dimensions {
                let (product, over) = elements.multipliedReportingOverflow(
                    by: try reader.integer(UInt64.self, name))
                guard !over, product < 1 << 56 else { throw reader.fault("\(name) is impossibly large") }
                elements = product
            }
            let type = try reader.integer(UInt32.self, name)
            let offset = try reader.integer(UInt64.self, name)
            guard offset < 1 << 56 else { throw reader.fault("\(name) lies impossibly far") }
            guard let size = GGMLType.bytes(type: type, elements: elements) else {
                last = nil
                continue
            }
            last = last.map { max($0, offset + size) }
        }
        var step: UInt64 = 32
        if case .unsigned(let stated)? = alignment { step = stated }
        guard step > 0, step <= 1 << 20, step.nonzeroBitCount == 1 else {
            throw reader.fault("the alignment \(step) is impossible")
        }
        let start = (UInt64(reader.offset) + step - 1) / step * step
        return last.map { tensors == 0 ? UInt64(reader.offset) : start + $0 }
    }
}
