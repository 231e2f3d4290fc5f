// How many nodes or keys of one address range count, so that one landlord cannot be everybody.
// It must never limit addresses that no stranger can have, or a home network could not form.

/// The rule for address ranges (/24).
public struct AddressGroups: Hashable, Sendable {
    /// Most table entries of one /24 in one bucket; nil for no limit.
    public var perBucket: Int?
    /// Most providers of one /24 under one target; nil for no limit.
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
        return entries.count { $0.contact.endpoint.group == endpoint.group } < perBucket
    }

    /// Whether one more provider at `endpoint` may join so many of its range under one target.
    public func allow(_ endpoint: Endpoint, beside same: Int) -> Bool {
        guard let perTarget, !(exemptLocal && endpoint.isLocal) else { return true }
        return same < perTarget
    }
}
