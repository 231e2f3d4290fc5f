// Proof that a peer holds the key it claims, on this connection and to us (the shape of NIP-42, kind 22242).
// It must never accept a proof made for another endpoint, challenge, reader or side: what is not bound to
// both ends can be carried on by whoever received it.

public import NodeModel

/// Why a peer's proof was refused.
public enum PeerAuthenticationError: Error, Hashable, Sendable {
    /// Another kind than 22242, or content that is not empty.
    case wrongKind(Int)
    /// Tags that are not exactly relay, challenge, p and side.
    case wrongTags
    /// Made for another challenge than ours: replayed from another connection.
    case otherChallenge
    /// Made for another endpoint: carried on by whoever serves that one.
    case otherEndpoint(String)
    /// Made for another reader than us.
    case otherReader
    /// Made as the other side of a connection.
    case otherSide
    /// By another key than the one that was expected, or by our own.
    case otherAuthor(PublicKey)
    /// Older or newer than the window, in seconds from now.
    case notFresh(seconds: Int64)
    /// The id or signature is wrong.
    case event(EventError)
}

extension PeerAuthenticationError: CustomStringConvertible {
    /// A sentence for people.
    public var description: String {
        switch self {
        case .wrongKind(let kind): "the proof is an event of kind \(kind), not 22242 without content"
        case .wrongTags: "the proof does not have exactly the tags relay, challenge, p and side"
        case .otherChallenge: "the proof answers another challenge"
        case .otherEndpoint(let url): "the proof was made for the endpoint \(url)"
        case .otherReader: "the proof was made for another reader"
        case .otherSide: "the proof was made as the other side of a connection"
        case .otherAuthor(let key): "the proof is by \(key.hex), which is not the peer expected here"
        case .notFresh(let seconds): "the proof is \(seconds) s away from our clock; compare the clocks"
        case .event(let error): error.description
        }
    }
}

/// What both ends of one connection must agree on for an authentication to count.
public struct PeerAuthentication: Hashable, Sendable {
    /// Bytes of randomness in a challenge.
    public static let challengeLength = 32
    /// Which end of the connection the author is: a proof of one must not serve as one of the other.
    public enum Side: String, Sendable {
        /// The author opened the connection.
        case dialer
        /// The author was reached at the endpoint.
        case listener
    }

    /// How far the author's clock may be from ours, in seconds, both ways.
    public static let window: Int64 = 60

    /// The endpoint that was dialled, as its URL stands in the provider's card.
    public var endpoint: String
    /// What the reader drew for this connection: 64 lower-case hexadecimal characters.
    public var challenge: String
    /// Who will read the proof.
    public var reader: PublicKey
    /// Which end its author is.
    public var side: Side

    /// - Returns: nil when the challenge or endpoint does not have its form.
    public init?(endpoint: String, challenge: String, reader: PublicKey, side: Side) {
        guard Self.isChallenge(challenge), Self.isEndpoint(endpoint) else { return nil }
        self.endpoint = endpoint
        self.challenge = challenge
        self.reader = reader
        self.side = side
    }

    /// A fresh challenge.
    public static func newChallenge() -> String {
        Hex.encode(SystemNoise.bytes(challengeLength))
    }

    /// Whether text has the form of a challenge.
    public static func isChallenge(_ text: String) -> Bool {
        Hex.decode(text, count: challengeLength) != nil
    }

    /// Whether text has the form of an endpoint: ws or wss, at most 200 printable ASCII characters.
    public static func isEndpoint(_ text: String) -> Bool {
        (text.hasPrefix("ws://") || text.hasPrefix("wss://")) && text.utf8.count <= 200
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// The event that `author` signs.
    public func template(author: PublicKey, now: Int64) -> EventTemplate {
        EventTemplate(
            pubkey: author, createdAt: now, kind: EventKind.authentication,
            tags: [
                ["relay", endpoint], ["challenge", challenge], ["p", reader.hex], ["side", side.rawValue],
            ])
    }

    /// Checks a proof that a peer sent to us.
    ///
    /// - Parameters:
    ///   - event: what the peer sent.
    ///   - author: who it must be by; nil when anyone may come.
    ///   - now: our clock, Unix seconds.
    /// - Returns: the peer's key.
    /// - Throws: the first check that failed.
    @discardableResult
    public func check(
        _ event: SignedEvent, author: PublicKey?, now: Int64
    ) throws(PeerAuthenticationError) -> PublicKey {
        guard event.kind == EventKind.authentication, event.content.isEmpty else {
            throw .wrongKind(event.kind)
        }
        guard event.tags.map(\.first) == ["relay", "challenge", "p", "side"],
            event.tags.allSatisfy({ $0.count == 2 })
        else { throw .wrongTags }
        guard event.tags[1][1] == challenge else { throw .otherChallenge }
        guard event.tags[0][1] == endpoint else { throw .otherEndpoint(event.tags[0][1]) }
        guard event.tags[2][1] == reader.hex else { throw .otherReader }
        guard event.tags[3][1] == side.rawValue else { throw .otherSide }
        // Our own key coming back to us is a reflection of what we signed elsewhere.
        guard event.pubkey != reader, author == nil || event.pubkey == author else {
            throw .otherAuthor(event.pubkey)
        }
        let (distance, overflow) = event.createdAt.subtractingReportingOverflow(now)
        guard !overflow, (-Self.window...Self.window).contains(distance) else {
            throw .notFresh(seconds: overflow ? .max : distance)
        }
        do { try event.verify() } catch { throw .event(error) }
        return event.pubkey
    }
}
