// Items of a set that two sides reconcile (NIP-77), the bounds between them, and how both are written.
// It must never read beyond the message, nor allocate by a count that the message claims.

/// One item: when it was made, and its id.
public struct ReconciledItem: Hashable, Comparable, Sendable {
    /// Unix seconds.
    public let time: UInt64
    /// 32 bytes.
    public let id: [UInt8]

    /// - Returns: nil unless the id has 32 bytes and the time is less than the last one there is, which means "no bound".
    public init?(time: UInt64, id: [UInt8]) {
        guard id.count == 32, time < .max else { return nil }
        self.time = time
        self.id = id
    }

    public static func < (left: ReconciledItem, right: ReconciledItem) -> Bool {
        left.time != right.time ? left.time < right.time : left.id.lexicographicallyPrecedes(right.id)
    }
}

/// The end of a range: everything before this time, or at it and before this beginning of an id.
struct SetBound: Hashable, Sendable {
    var time: UInt64
    var prefix: [UInt8] = []

    /// After all items.
    static let end = SetBound(time: .max)

    /// The shortest bound between two neighbours.
    init(between last: ReconciledItem, and next: ReconciledItem) {
        time = next.time
        guard last.time == next.time else { return }
        let shared = zip(last.id, next.id).prefix { $0 == $1 }.count
        prefix = Array(next.id.prefix(shared + 1))
    }

    init(time: UInt64, prefix: [UInt8] = []) {
        self.time = time
        self.prefix = prefix
    }

    func isAfter(_ item: ReconciledItem) -> Bool {
        item.time != time ? item.time < time : item.id.lexicographicallyPrecedes(prefix)
    }
}

/// Why a message of the other side is of no use.
public enum ReconciliationError: String, Error, Sendable {
    case truncated, badNumber, badBound, badMode, unknownVersion, tooManyRounds
}

/// Writes a message.
struct ReconciliationWriter {
    private(set) var bytes: [UInt8] = []
    private var last: UInt64 = 0

    /// Seven bits a byte, the highest first, and all but the last byte marked.
    mutating func number(_ value: UInt64) {
        var digits = [UInt8(value & 127)]
        var rest = value >> 7
        while rest > 0 {
            digits.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        bytes += digits.reversed()
    }

    mutating func bound(_ bound: SetBound) {
        if bound.time == .max {
            last = .max
            number(0)
        } else {
            number(1 + (bound.time - last))
            last = bound.time
        }
        number(UInt64(bound.prefix.count))
        bytes += bound.prefix
    }

    mutating func raw(_ more: some Sequence<UInt8>) { bytes += more }
}

/// Reads a message.
struct ReconciliationReader {
    private var rest: ArraySlice<UInt8>
    private var last: UInt64 = 0

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func raw(_ count: Int) throws(ReconciliationError) -> [UInt8] {
        guard count <= rest.count else { throw .truncated }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func number() throws(ReconciliationError) -> UInt64 {
        var value: UInt64 = 0
        while true {
            guard let byte = rest.popFirst() else { throw .truncated }
            guard value <= UInt64.max >> 7 else { throw .badNumber }
            value = value << 7 | UInt64(byte & 127)
            if byte & 128 == 0 { return value }
        }
    }

    /// A count of things that take so many bytes each, which must all be there.
    mutating func count(of size: Int) throws(ReconciliationError) -> Int {
        let claimed = try number()
        guard claimed <= UInt64(rest.count / size) else { throw .truncated }
        return Int(claimed)
    }

    mutating func bound() throws(ReconciliationError) -> SetBound {
        let step = try number()
        if step == 0 || last == .max {
            last = .max
        } else {
            let (sum, overflow) = last.addingReportingOverflow(step - 1)
            guard !overflow else { throw .badBound }
            last = sum
        }
        let length = try number()
        guard length <= 32 else { throw .badBound }
        return SetBound(time: last, prefix: try raw(Int(length)))
    }
}
