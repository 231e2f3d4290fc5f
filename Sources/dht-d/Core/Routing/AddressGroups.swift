// How many nodes or keys of one address range count, so that one landlord cannot be everybody.
// It must never limit addresses that no stranger can have, or a home network could not form.

/// The rule for address ranges: a /24 of IPv4, a /48 of IPv6, of which one /64 may have half.
public struct AddressGroups: Hashable, Sendable {
    /// Most table entries of one range in one bucket; nil for no limit.
    public var perBucket: Int?
    /// Most providers of one range under one target; nil for no limit.
    public var perTarget: Int?
    /// Loopback, private and link-local addresses are not limited.
    public var exemptLocal: Bool

    /// The default of the public network: 2 in a bucket, 8 under a target.
    public init(perBucket: Int? = 2, perTarget: Int? = 8, exemptLocal: Bool = true) {
        self.perBucket = perBucket
        self.perTarget = perTarget
        self.exemptLocal = exemptLocal
    }

    /// No limits at all.
    public static let unlimited = AddressGroups(perBucket: nil, perTarget: nil)

    /// Whether one more node at `endpoint` may join `entries`.
    public func allow(_ endpoint: Endpoint, in entries: [TableEntry]) -> Bool {
        guard let perBucket, !(exemptLocal && endpoint.isLocal) else { return true }
        let group = endpoint.group
        guard entries.count(where: { $0.contact.endpoint.group == group }) < perBucket else { return false }
        guard let home = endpoint.home else { return true }
        return entries.count { $0.contact.endpoint.home == home } < Self.share(of: perBucket)
    }

    /// Whether one more provider at `endpoint` may join so many of its range, and so many of its /64, under one target.
    public func allow(_ endpoint: Endpoint, beside same: (range: Int, home: Int)) -> Bool {
        guard let perTarget, !(exemptLocal && endpoint.isLocal) else { return true }
        return same.range < perTarget && (endpoint.home == nil || same.home < Self.share(of: perTarget))
    }

    /// What one household may have of what its range may have, so that it cannot shut out its neighbours.
    static func share(of limit: Int) -> Int { max(1, limit / 2) }
}
