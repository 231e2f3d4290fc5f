// The errors that one node sends another (BEP 5, BEP 44 and ours), by number.
// It must never say more than the sender needs to know to do better.

/// A KRPC error as it travels: `[number, text]`.
public struct KRPCError: Error, Hashable, Sendable {
    /// The number; unknown ones from peers are kept as they are.
    public let code: Code
    /// A short text for people.
    public let message: String

    /// An error from its parts.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// A KRPC error number.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The number on the wire.
        public let rawValue: Int64

        /// A code from its number.
        public init(rawValue: Int64) { self.rawValue = rawValue }

        /// BEP 5: generic error.
        public static let generic = Code(rawValue: 201)
        /// BEP 5: server error.
        public static let server = Code(rawValue: 202)
        /// BEP 5: malformed packet, invalid arguments, bad token.
        public static let protocolError = Code(rawValue: 203)
        /// BEP 5: method unknown.
        public static let methodUnknown = Code(rawValue: 204)
        /// BEP 44: value too big.
        public static let tooBig = Code(rawValue: 205)
        /// BEP 44: invalid signature.
        public static let badSignature = Code(rawValue: 206)
        /// BEP 44: salt too big.
        public static let saltTooBig = Code(rawValue: 207)
        /// BEP 44: the stored item is not the one that was to be replaced.
        public static let swapMismatch = Code(rawValue: 301)
        /// BEP 44: older than what is stored.
        public static let outdated = Code(rawValue: 302)
        /// Infernet: too often, or too many.
        public static let slowDown = Code(rawValue: 429)
    }

    static let badToken = KRPCError(.protocolError, "bad token")
    static let wrongTarget = KRPCError(.protocolError, "the card does not belong under this target")
    static let notACard = KRPCError(.protocolError, "not a card")
    static let expired = KRPCError(.protocolError, "the card has expired")
    static let badLifetime = KRPCError(.protocolError, "the card's expiration is missing or too far away")
    static let fromTheFuture = KRPCError(.protocolError, "the card was made in the future")
    static let notHere = KRPCError(.generic, "that provider is not here")
    static let statusUnknown = KRPCError(.server, "the status is not known now")
    static let askedTooOften = KRPCError(.slowDown, "asked too often")
    static let unknownMethod = KRPCError(.methodUnknown, "method unknown")
    static let recordTooBig = KRPCError(.tooBig, "the card is larger than 1000 bytes")
    static let forged = KRPCError(.badSignature, "bad signature")
    static let older = KRPCError(.outdated, "a newer card is stored")
    static let tooOften = KRPCError(.slowDown, "one card per provider and target in 30 seconds")
    static let groupFull = KRPCError(.slowDown, "too many providers from this address range")
    static let targetFull = KRPCError(.slowDown, "this target is full")
}
