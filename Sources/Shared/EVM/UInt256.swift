// The EVM's number: 256 bits, unsigned. Arithmetic that would leave the range gives nil, never a wrapped value.
// It must never be converted to a floating-point number, nor be read from text in more than one spelling.

/// An unsigned 256-bit integer.
public struct UInt256: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The upper and the lower 128 bits.
    public let high: UInt128
    public let low: UInt128

    public static let zero = UInt256(0)
    public static let max = UInt256(high: .max, low: .max)

    /// A number of 64 bits.
    public init(_ value: UInt64) { self.init(high: 0, low: UInt128(value)) }

    init(high: UInt128, low: UInt128) {
        self.high = high
        self.low = low
    }

    /// A big-endian number of at most 32 bytes; nil when there are more.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count <= 32 else { return nil }
        var (high, low): (UInt128, UInt128) = (0, 0)
        for byte in bytes {
            high = high << 8 | low >> 120
            low = low << 8 | UInt128(byte)
        }
        self.init(high: high, low: low)
    }

    /// A decimal number: digits only, no leading zero but for zero itself; nil for anything else or above 2^256-1.
    public init?(decimal text: some StringProtocol) {
        let digits = text.utf8
        guard (1...78).contains(digits.count), digits.count == 1 || digits.first != 0x30 else { return nil }
        var value = UInt256.zero
        for digit in digits {
            guard (0x30...0x39).contains(digit), let tens = value.multiplied(by: 10),
                let next = tens.adding(UInt256(UInt64(digit - 0x30)))
            else { return nil }
            value = next
        }
        self = value
    }

    /// A JSON-RPC quantity: `0x` and lower-case hexadecimal without leading zeros; `0x0` is zero.
    public init?(quantity text: some StringProtocol) {
        let characters = Array(text.utf8)
        guard (3...66).contains(characters.count), characters[0] == 0x30, characters[1] == 0x78,
            characters.count == 3 || characters[2] != 0x30
        else { return nil }
        var (high, low): (UInt128, UInt128) = (0, 0)
        for character in characters[2...] {
            let nibble: UInt8
            switch character {
            case 0x30...0x39: nibble = character - 0x30
            case 0x61...0x66: nibble = character - 0x61 + 10
            default: return nil
            }
            high = high << 4 | low >> 124
            low = low << 4 | UInt128(nibble)
        }
        self.init(high: high, low: low)
    }

    /// 32 big-endian bytes.
    public var bytes: [UInt8] {
        [high, low].flatMap { half in
            (0..<16).map { UInt8(truncatingIfNeeded: half >> (120 - 8 * UInt128($0))) }
        }
    }

    /// Big-endian bytes without leading zeros; none for zero: RLP's form of a number.
    public var minimalBytes: [UInt8] { Array(bytes.drop { $0 == 0 }) }

    /// The number when it fits into 64 bits.
    public var exactUInt64: UInt64? { high == 0 ? UInt64(exactly: low) : nil }

    /// The number when it fits into the ledger's 63 bits.
    public var exactInt64: Int64? { high == 0 ? Int64(exactly: low) : nil }

    /// How many bits the number needs; 0 for zero.
    public var bitWidth: Int {
        high == 0 ? 128 - low.leadingZeroBitCount : 256 - high.leadingZeroBitCount
    }

    /// The sum; nil above 2^256 - 1.
    public func adding(_ other: UInt256) -> UInt256? {
        let (low, carry) = self.low.addingReportingOverflow(other.low)
        let (sum, over) = high.addingReportingOverflow(other.high)
        let (high, overToo) = sum.addingReportingOverflow(carry ? 1 : 0)
        return over || overToo ? nil : UInt256(high: high, low: low)
    }

    /// The difference; nil below zero.
    public func subtracting(_ other: UInt256) -> UInt256? {
        guard self >= other else { return nil }
        let (low, borrow) = self.low.subtractingReportingOverflow(other.low)
        return UInt256(high: high &- other.high &- (borrow ? 1 : 0), low: low)
    }

    /// The product; nil above 2^256 - 1.
    public func multiplied(by factor: UInt64) -> UInt256? {
        let below = low.multipliedFullWidth(by: UInt128(factor))
        let (above, over) = high.multipliedReportingOverflow(by: UInt128(factor))
        let (sum, overToo) = above.addingReportingOverflow(below.high)
        return over || overToo ? nil : UInt256(high: sum, low: below.low)
    }

    public static func < (left: UInt256, right: UInt256) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    /// Decimal.
    public var description: String {
        var rest = self
        var groups: [UInt64] = []
        // 10^18 is the largest power of ten below 2^64 whose remainders print as 18 digits.
        let step: UInt64 = 1_000_000_000_000_000_000
        repeat {
            let (quotient, remainder) = rest.divided(by: step)
            groups.append(remainder)
            rest = quotient
        } while rest != .zero
        return groups.reversed().enumerated().map { index, group in
            let digits = String(group)
            return index == 0 ? digits : String(repeating: "0", count: 18 - digits.count) + digits
        }.joined()
    }

    /// Quotient and remainder; the divisor is not zero.
    private func divided(by divisor: UInt64) -> (UInt256, UInt64) {
        var remainder: UInt64 = 0
        var limbs: [UInt64] = []
        for half in [high, low] {
            for limb in [UInt64(truncatingIfNeeded: half >> 64), UInt64(truncatingIfNeeded: half)] {
                let (quotient, rest) = divisor.dividingFullWidth((remainder, limb))
                limbs.append(quotient)
                remainder = rest
            }
        }
        return (
            UInt256(
                high: UInt128(limbs[0]) << 64 | UInt128(limbs[1]),
                low: UInt128(limbs[2]) << 64 | UInt128(limbs[3])),
            remainder
        )
    }
}
