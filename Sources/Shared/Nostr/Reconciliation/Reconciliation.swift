// Range-based set reconciliation as NIP-77 has it: two sides find out which ids the other lacks, at a cost that follows the
// difference. Pure: messages in, messages out. It must never believe that the other side holds an item because it says so.

import Crypto

/// One side of a reconciliation.
public struct Reconciliation: Sendable {
    /// The version of the messages, and their first byte.
    static let version: UInt8 = 0x61
    /// A range with fewer items than twice this is told by its ids, others by so many fingerprints.
    private let buckets: Int
    /// Who asked gives up after so many rounds. Two or three are usual; a side that lies could go on for ever.
    static let mostRounds = 256

    /// Room for what is around a list of ids, in bytes.
    private static let frame = 160

    private enum Mode: UInt64 { case skip, fingerprint, ids }

    private let items: [ReconciledItem]
    /// The longest message that is written; the rest of the set comes in the next round.
    private let limit: Int
    private var rounds = 0
    /// What only this side holds, as far as it is known; told to who asked alone.
    public private(set) var have: Set<[UInt8]> = []
    /// What only the other side claims to hold.
    public private(set) var need: Set<[UInt8]> = []

    /// A side that holds these items.
    /// - Parameters:
    ///   - limit: of a message, in bytes; at least 4096, as relays have it, when there are 16 buckets.
    ///   - buckets: in how many parts a range is told; fewer make for shorter messages and more rounds.
    public init(_ items: some Sequence<ReconciledItem>, limit: Int = 60_000, buckets: Int = 16) {
        self.items = Set(items).sorted()
        self.buckets = min(max(buckets, 2), 16)
        // A range that is told by its ids must fit, or nothing would ever get on.
        self.limit = max(buckets < 16 ? 64 * self.buckets + Self.frame : 4_096, limit)
    }

    /// The first message of the side that asks.
    public func begin() -> [UInt8] {
        var writer = ReconciliationWriter()
        writer.raw([Self.version])
        split(0..<items.count, until: .end, &writer)
        return writer.bytes
    }

    /// The answer of the side that is asked; it keeps nothing in mind.
    public func answer(_ message: [UInt8]) throws(ReconciliationError) -> [UInt8] {
        if message.first != Self.version, let first = message.first, first & 0xF0 == 0x60 {
            // Of another version of the protocol: this is ours.
            return [Self.version]
        }
        var (have, need): (Set<[UInt8]>, Set<[UInt8]>) = ([], [])
        return try reconcile(message, asking: false, &have, &need)
    }

    /// What the side that asked sends next; nil when `have` and `need` are complete.
    public mutating func proceed(_ answer: [UInt8]) throws(ReconciliationError) -> [UInt8]? {
        rounds += 1
        guard rounds <= Self.mostRounds else { throw .tooManyRounds }
        let next = try reconcile(answer, asking: true, &have, &need)
        return next.count > 1 ? next : nil
    }

    private func reconcile(
        _ message: [UInt8], asking: Bool, _ have: inout Set<[UInt8]>, _ need: inout Set<[UInt8]>
    ) throws(ReconciliationError) -> [UInt8] {
        var reader = ReconciliationReader(message)
        guard try reader.raw(1) == [Self.version] else { throw .unknownVersion }
        var writer = ReconciliationWriter()
        writer.raw([Self.version])
        var from = 0
        var last = SetBound(time: 0)
        // Whether the ranges up to `last` need no word; said once, before the next that do.
        var isSkipping = false
        while !reader.isAtEnd {
            let bound = try reader.bound()
            guard let mode = Mode(rawValue: try reader.number()) else { throw .badMode }
            let until = place(of: bound, from: from)
            let (before, wasSkipping) = (writer, isSkipping)
            func skipped() {
                if isSkipping { skip(to: last, &writer) }
                isSkipping = false
            }
            switch mode {
            case .skip: isSkipping = true
            case .fingerprint:
                if try reader.raw(16) == fingerprint(from..<until) {
                    isSkipping = true
                } else {
                    skipped()
                    split(from..<until, until: bound, &writer)
                }
            case .ids:
                var theirs: Set<[UInt8]> = []
                for _ in 0..<(try reader.count(of: 32)) { theirs.insert(try reader.raw(32)) }
                if asking {
                    for item in items[from..<until] where theirs.remove(item.id) == nil {
                        have.insert(item.id)
                    }
                    need.formUnion(theirs)
                    isSkipping = true
                } else {
                    skipped()
                    tell(from..<until, until: bound, &writer)
                }
            }
            if writer.bytes.count > limit {
                writer = before
                let fits = mode == .ids ? max(0, limit - before.bytes.count - Self.frame) / 32 : 0
                if !asking, fits > 0, from + fits < until {
                    // As many as there is room for; who is asked again knows what he has told by the bound.
                    let bound = SetBound(between: items[from + fits - 1], and: items[from + fits])
                    if wasSkipping { skip(to: last, &writer) }
                    tell(from..<from + fits, until: bound, &writer)
                    from += fits
                }
                // The rest in one word, to be gone into in the next round.
                writer.bound(.end)
                writer.number(Mode.fingerprint.rawValue)
                writer.raw(fingerprint(from..<items.count))
                return writer.bytes
            }
            from = until
            last = bound
        }
        return writer.bytes
    }

    private func skip(to bound: SetBound, _ writer: inout ReconciliationWriter) {
        writer.bound(bound)
        writer.number(Mode.skip.rawValue)
    }

    /// Tells a range: by its ids, or by the fingerprints of its parts.
    private func split(_ range: Range<Int>, until end: SetBound, _ writer: inout ReconciliationWriter) {
        guard range.count >= 2 * buckets else { return tell(range, until: end, &writer) }
        var from = range.lowerBound
        for bucket in 0..<buckets {
            let size = range.count / buckets + (bucket < range.count % buckets ? 1 : 0)
            let until = from + size
            writer.bound(
                until == range.upperBound ? end : SetBound(between: items[until - 1], and: items[until]))
            writer.number(Mode.fingerprint.rawValue)
            writer.raw(fingerprint(from..<until))
            from = until
        }
    }

    private func tell(_ range: Range<Int>, until end: SetBound, _ writer: inout ReconciliationWriter) {
        writer.bound(end)
        writer.number(Mode.ids.rawValue)
        writer.number(UInt64(range.count))
        for item in items[range] { writer.raw(item.id) }
    }

    /// The first item, from `start` on, that is not before the bound.
    private func place(of bound: SetBound, from start: Int) -> Int {
        var (low, high) = (start, items.count)
        while low < high {
            let middle = (low + high) / 2
            if bound.isAfter(items[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// 16 bytes of the hash of how many ids there are and of their sum as numbers, lowest byte first.
    private func fingerprint(_ range: Range<Int>) -> [UInt8] {
        var sum = [UInt8](repeating: 0, count: 32)
        for item in items[range] {
            var carry = 0
            for place in 0..<32 {
                carry += Int(sum[place]) + Int(item.id[place])
                sum[place] = UInt8(carry & 255)
                carry >>= 8
            }
        }
        var writer = ReconciliationWriter()
        writer.raw(sum)
        writer.number(UInt64(range.count))
        return Array(SHA256.hash(data: writer.bytes).prefix(16))
    }
}
