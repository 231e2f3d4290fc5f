// A signed HTTP request (NIP-98): bound to URL, method, body and time.
// It must never be trusted twice: the caller keeps the ids it has seen for as long as `window` lasts.

import Crypto
import FoundationEssentials
public import NodeModel

/// Why an HTTP authentication was refused.
public enum HTTPAuthenticationError: Error, Hashable, Sendable {
    /// The header is not `Nostr` and base64 of an event.
    case malformedHeader
    /// Another kind than 27235, or content that is not empty.
    case wrongKind(Int)
    /// The tag is missing, repeated, or says something else than the request.
    case wrongTag(String)
    /// Older or newer than the window, in seconds from now.
    case notFresh(seconds: Int64)
    /// The id or signature is wrong.
    case event(EventError)
}

extension HTTPAuthenticationError: CustomStringConvertible {
    /// A sentence for people.
    public var description: String {
        switch self {
        case .malformedHeader: "the Authorization header is not \"Nostr\" and an event in base64"
        case .wrongKind(let kind): "the event is of kind \(kind), not 27235 without content"
        case .wrongTag(let name): "the event's tag \"\(name)\" does not match this request"
        case .notFresh(let seconds): "the event is \(seconds) s away from our clock; compare the clocks"
        case .event(let error): error.description
        }
    }
}

/// One HTTP request, as NIP-98 sees it.
public struct HTTPAuthentication: Hashable, Sendable {
    /// How far the author's clock may be from ours, in seconds, both ways.
    public static let window: Int64 = 60
    /// The longest header value accepted, in bytes.
    public static let longestHeader = 8192

    /// The absolute URL with its query.
    public var url: String
    /// The method, in upper case.
    public var method: String
    /// The body; empty for none.
    public var body: [UInt8]

    /// A request to be signed or checked.
    public init(url: String, method: String, body: [UInt8] = []) {
        self.url = url
        self.method = method
        self.body = body
    }

    /// The event to be signed.
    public func template(author: PublicKey, now: Int64) -> EventTemplate {
        var tags = [["u", url], ["method", method]]
        if !body.isEmpty { tags.append(["payload", payloadHash]) }
        return EventTemplate(pubkey: author, createdAt: now, kind: EventKind.httpAuthentication, tags: tags)
    }

    /// The value of the `Authorization` header.
    public static func header(_ event: SignedEvent) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return "Nostr " + (try encoder.encode(event)).base64EncodedString()
    }

    /// The event in an `Authorization` header; nothing in it is proven yet.
    public static func event(header: String) throws(HTTPAuthenticationError) -> SignedEvent {
        guard header.utf8.count <= longestHeader, header.hasPrefix("Nostr "),
            let data = Data(base64Encoded: String(header.dropFirst(6))),
            let event = try? JSONDecoder().decode(SignedEvent.self, from: data)
        else { throw .malformedHeader }
        return event
    }

    /// Checks that `event` authenticates exactly this request now.
    ///
    /// - Returns: the author. The caller must still refuse an id it has seen within twice the window.
    @discardableResult
    public func check(_ event: SignedEvent, now: Int64) throws(HTTPAuthenticationError) -> PublicKey {
        guard event.kind == EventKind.httpAuthentication, event.content.isEmpty else {
            throw .wrongKind(event.kind)
        }
        guard event.onlyTag("u") == url else { throw .wrongTag("u") }
        guard event.onlyTag("method") == method else { throw .wrongTag("method") }
        // NIP-98 lets a body go unhashed; then a carrier could exchange it, so here it may not.
        let named = event.tags.contains { $0.first == "payload" }
        guard
            body.isEmpty
                ? (!named || event.onlyTag("payload") == payloadHash)
                : event.onlyTag("payload") == payloadHash
        else { throw .wrongTag("payload") }
        let (distance, overflow) = event.createdAt.subtractingReportingOverflow(now)
        guard !overflow, (-Self.window...Self.window).contains(distance) else {
            throw .notFresh(seconds: overflow ? .max : distance)
        }
        do { try event.verify() } catch { throw .event(error) }
        return event.pubkey
    }

    private var payloadHash: String {
        Hex.encode(SHA256.hash(data: body))
    }
}
