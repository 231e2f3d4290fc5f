// Where others say that we are (BEP 42 `ip`), by majority.
// It must never believe one range of addresses more than once, nor a single voice.

/// The latest voices, one for each range that speaks.
struct AddressVote: Sendable {
    private enum Speaker: Hashable, Sendable {
        case range(UInt64)
        /// Local addresses are not limited by range.
        case one(Endpoint)
    }

    private struct Voice: Sendable {
        let speaker: Speaker
        let seen: Endpoint
    }

    /// How many voices count, and how many must agree.
    static let voices = 24
    static let quorum = 4

    private var heard: [Voice] = []
    /// The last voice of all, whoever's it was.
    private(set) var latest: Endpoint?

    /// Takes in that `speaker` saw us at `seen`.
    mutating func hear(_ seen: Endpoint, from speaker: Endpoint) {
        // A stranger on the internet cannot see us at a private address.
        guard seen.isUsable, speaker.isLocal || !seen.isLocal else { return }
        latest = seen
        let name = speaker.isLocal ? Speaker.one(speaker) : Speaker.range(speaker.group)
        heard.removeAll { $0.speaker == name }
        heard.append(Voice(speaker: name, seen: seen))
        if heard.count > Self.voices { heard.removeFirst() }
    }

    /// The address that more than half of at least `quorum` voices name; the port may differ behind a NAT, and the half of an
    /// IPv6 address that changes every day.
    var winner: IPAddress? {
        guard heard.count >= Self.quorum else { return nil }
        var counts: [IPAddress: Int] = [:]
        for voice in heard { counts[voice.seen.address.lasting, default: 0] += 1 }
        return counts.first { 2 * $0.value > heard.count }?.key
    }
}
