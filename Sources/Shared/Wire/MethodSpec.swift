// What a method promises, stated where the method is declared and read by server, client, tests and docs.
// It must never hold who may call it: that is Policy's Grants.

/// The declaration of one method.
public struct MethodSpec: Sendable, Hashable {
    /// `interface.verb_noun`, as on the wire.
    public let name: String
    /// The longest a caller waits unless it says otherwise, in milliseconds.
    public let deadlineMs: Int
    /// The largest request, in bytes of JSON; a larger one is refused unparsed.
    public let maxRequestBytes: Int
    /// Whether a caller may send it again after doubt.
    public let idempotent: Bool
    /// One line for the protocol's reference.
    public let summary: String

    public init(
        _ name: String, deadlineMs: Int = 2_000, maxRequestBytes: Int = 64 * 1024, idempotent: Bool = true,
        _ summary: String
    ) {
        self.name = name
        self.deadlineMs = deadlineMs
        self.maxRequestBytes = maxRequestBytes
        self.idempotent = idempotent
        self.summary = summary
    }
}

/// A request: the struct is the parameters.
public protocol Request: WireValue {
    associatedtype Reply: WireValue
    static var spec: MethodSpec { get }
    /// A real request and its reply: golden tests, documentation and fuzz seeds come from it.
    static var example: (request: Self, reply: Reply) { get }
}

/// A request whose answer comes in pieces before the reply.
public protocol StreamRequest: Request {
    associatedtype Event: WireValue
    static var eventExample: Event { get }
}

/// The reply of a method that has nothing to say.
public struct Done: WireValue, Hashable {
    public init() {}
}
