// Whether packets of strangers arrive at this node, told from who asks it something (BEP 43).
// It must never call a node shut off that few could know, nor change its mind back and forth.

/// What a node knows of its reach in one network.
public struct Reach: Sendable {
    /// What the evidence says.
    public enum Verdict: Hashable, Sendable {
        case unknown
        /// Somebody asked to whom this node had not written.
        case open
        /// Everybody who asked had been written to before, for long, in a network where others would have come.
        case shut
    }

    /// With fewer nodes known everybody soon has written to everybody. So many are in tables from about 150 nodes on.
    static let leastNodes = 40
    /// Others ask this node at all.
    static let leastQueries = 32
    /// How long a stranger is waited for, in milliseconds.
    static let patience: Int64 = 12 * 60_000
    /// Who asks not to be counted on is forgotten, also when his router lets strangers in by then: so he shows himself
    /// now and then for as long as he waited, in milliseconds.
    static let hiding: Int64 = 6 * 60 * 60_000
    /// Another address begins anew, at most so often, in milliseconds.
    static let leastBetweenAddresses: Int64 = 60 * 60_000

    public private(set) var verdict = Verdict.unknown
    /// Good nodes of the internet that were known when it was last looked.
    public private(set) var known = 0
    /// Since when a stranger has been waited for; nil while too few nodes are known.
    public private(set) var waitingSince: Int64?
    private var written = AddressTrace()
    private var queries = 0
    private var shutAt: Int64 = 0
    private var address: IPAddress?
    private var movedAt: Int64?

    init() {}

    /// Whether others are to be asked not to count on this node.
    func isReadOnly(at now: Int64) -> Bool {
        verdict == .shut && (now - shutAt) % (Self.hiding + Self.patience) < Self.hiding
    }

    /// A packet goes to this address: its answer may come in, and so may whatever else it sends.
    mutating func wrote(to endpoint: Endpoint, now: Int64) {
        guard verdict != .open, !endpoint.isLocal else { return }
        written.add(endpoint.address, now: now)
    }

    /// A query came from this address. What is nearer than the internet's edge says nothing.
    mutating func asked(by endpoint: Endpoint, now: Int64) {
        guard verdict != .open, !endpoint.isLocal else { return }
        queries += 1
        if !written.holds(endpoint.address, now: now) {
            verdict = .open
            waitingSince = nil
            written = AddressTrace()
        }
    }

    /// Looks at what there is by now.
    ///
    /// - Parameters:
    ///   - known: good nodes of the internet in the table.
    ///   - address: where this node is, as far as others agree.
    mutating func look(known: Int, address seen: IPAddress?, now: Int64) {
        self.known = known
        if let seen, seen != address {
            let isNew = address != nil
            if !isNew || now - (movedAt ?? -Self.leastBetweenAddresses) >= Self.leastBetweenAddresses {
                address = seen
                if isNew {
                    movedAt = now
                    (verdict, waitingSince, queries, written) = (.unknown, nil, 0, AddressTrace())
                }
            }
        }
        guard verdict == .unknown else { return }
        // A node that writes to so many hears from so many that nothing can be told, nor need be.
        guard known >= Self.leastNodes, !written.isFull else {
            waitingSince = nil
            return
        }
        let since = waitingSince ?? now
        waitingSince = since
        guard now - since >= Self.patience, queries >= Self.leastQueries else { return }
        (verdict, shutAt, waitingSince) = (.shut, now, nil)
    }
}

/// Addresses of the last five to ten minutes, in 2 KiB: whether one is among them. It may say yes of one in a hundred that is not.
struct AddressTrace: Sendable {
    private static let bits: UInt64 = 8_192
    /// Routers forget within five minutes to whom a packet went (RFC 4787 asks for two at least).
    private static let span: Int64 = 5 * 60_000

    private var newer: [UInt64] = []
    private var older: [UInt64] = []
    private var turnedAt: Int64?
    private var set = 0

    /// Whether so many are in it that it says yes of too many.
    var isFull: Bool { 2 * set > Int(Self.bits) }

    mutating func add(_ address: IPAddress, now: Int64) {
        turn(now)
        if newer.isEmpty { newer = [UInt64](repeating: 0, count: Int(Self.bits) / 64) }
        for place in Self.places(address) where newer[Int(place >> 6)] >> (place & 63) & 1 == 0 {
            newer[Int(place >> 6)] |= 1 << (place & 63)
            set += 1
        }
    }

    mutating func holds(_ address: IPAddress, now: Int64) -> Bool {
        turn(now)
        return [newer, older].contains { bits in
            !bits.isEmpty && Self.places(address).allSatisfy { bits[Int($0 >> 6)] >> ($0 & 63) & 1 == 1 }
        }
    }

    private mutating func turn(_ now: Int64) {
        let since = turnedAt ?? now
        turnedAt = since
        guard now - since >= Self.span else { return }
        older = now - since >= 2 * Self.span ? [] : newer
        (newer, set, turnedAt) = ([], 0, now)
    }

    private static func places(_ address: IPAddress) -> [UInt64] {
        var mixed = (address.low ^ address.high &* 0xD6E8_FEB8_6659_FD93) &* 0x9E37_79B9_7F4A_7C15
        mixed ^= mixed >> 32
        return [mixed % bits, (mixed >> 32) &* 0x85EB_CA6B % bits]
    }
}
