// The event that tells a relay who asks (NIP-42).
// It must never have the form of a proof between nodes, which has an event of the same kind with more tags.

public import NodeModel

/// Authentication to a relay.
public enum RelayAuthentication {
    /// The longest challenge that is signed, in bytes.
    public static let longestChallenge = 256

    /// Whether a relay's challenge is one that is signed: printable, short, and not empty.
    public static func isChallenge(_ text: String) -> Bool {
        (1...longestChallenge).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    /// The event to be signed.
    ///
    /// - Parameter now: Unix seconds; relays take about ten minutes of difference.
    public static func template(author: PublicKey, relay: String, challenge: String, now: Int64)
        -> EventTemplate
    {
        EventTemplate(
            pubkey: author, createdAt: now, kind: EventKind.authentication,
            tags: [["relay", relay], ["challenge", challenge]], content: "")
    }
}
