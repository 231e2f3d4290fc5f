// What a relay is told (NIP-01). It must never ask for more than one answer's worth: a filter names author and event.

import FoundationEssentials
public import NodeModel

/// One message to a relay.
public enum RelayRequest: Hashable, Sendable {
    /// Publish an event.
    case publish(SignedEvent)
    /// Subscribe to events of one kind, by one author, that name one event in an `e` tag.
    case subscribe(String, kind: Int, author: PublicKey, about: String)
    /// End a subscription.
    case close(String)
    /// Say who asks (NIP-42): a signed event of kind 22242.
    case authenticate(SignedEvent)

    private struct Filter: Encodable {
        enum CodingKeys: String, CodingKey {
            case kinds, authors
            case about = "#e"
        }
        let kinds: [Int]
        let authors: [PublicKey]
        let about: [String]
    }

    private struct Parts: Encodable {
        let request: RelayRequest

        func encode(to encoder: any Encoder) throws {
            var parts = encoder.unkeyedContainer()
            switch request {
            case .publish(let event):
                try parts.encode("EVENT")
                try parts.encode(event)
            case .subscribe(let name, let kind, let author, let about):
                try parts.encode("REQ")
                try parts.encode(name)
                try parts.encode(Filter(kinds: [kind], authors: [author], about: [about]))
            case .close(let name):
                try parts.encode("CLOSE")
                try parts.encode(name)
            case .authenticate(let event):
                try parts.encode("AUTH")
                try parts.encode(event)
            }
        }
    }

    /// The JSON that travels in one text frame.
    public func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(Parts(request: self)))
    }
}
