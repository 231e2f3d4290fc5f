// Where in the key space a topic lives, and which topics a card belongs under.
// It must never place a card under a topic that the card does not name itself: that would be spam with our help.

import Crypto
public import NodeModel

/// Something that cards are stored under and found by.
public enum Topic: Hashable, Sendable, CustomStringConvertible {
    /// One provider's card.
    case provider(PublicKey)
    /// Providers of exactly this model content.
    case model(ContentRoot)
    /// Providers of a model of this name (lower case).
    case name(String)
    /// Providers with an accelerator of this class.
    case device(DeviceClass)
    /// Providers of a model of this name with an accelerator of this class.
    case nameOnDevice(String, DeviceClass)
    /// Evidence on one provider; no card lies there.
    case reputation(PublicKey)

    /// The longest model name, in UTF-8 bytes.
    public static let maximumNameLength = 64

    /// Reads `p/<64 hex>`, `m/<64 hex>`, `n/<name>`, `g/<class>` or `mg/<class>/<name>`; names are lowered. Nil for anything else.
    public init?(_ text: String) {
        guard let slash = text.firstIndex(of: "/") else { return nil }
        let rest = String(text[text.index(after: slash)...])
        switch text[..<slash] {
        case "p":
            guard let key = PublicKey(hex: rest) else { return nil }
            self = .provider(key)
        case "m":
            guard let root = ContentRoot(hex: rest) else { return nil }
            self = .model(root)
        case "n":
            guard let name = Self.lowered(rest) else { return nil }
            self = .name(name)
        case "g":
            guard let device = DeviceClass(rest) else { return nil }
            self = .device(device)
        case "mg":
            guard let end = rest.firstIndex(of: "/"), let device = DeviceClass(String(rest[..<end])),
                let name = Self.lowered(String(rest[rest.index(after: end)...]))
            else { return nil }
            self = .nameOnDevice(name, device)
        default:
            return nil
        }
    }

    private static func lowered(_ text: String) -> String? {
        let name = text.lowercased()
        return name.isEmpty || name.utf8.count > maximumNameLength ? nil : name
    }

    /// The topic as text, as it is hashed and shown.
    public var description: String {
        switch self {
        case .provider(let key): "p/\(key.hex)"
        case .model(let root): "m/\(root.hex)"
        case .name(let name): "n/\(name)"
        case .device(let device): "g/\(device)"
        case .nameOnDevice(let name, let device): "mg/\(device)/\(name)"
        case .reputation(let key): "r/\(key.hex)"
        }
    }

    /// The place in the key space: `SHA256("infernet/1/" ‖ topic ‖ "/" ‖ shard bits)`, its first 20 bytes.
    ///
    /// Shard bits are `0`s and `1`s naming a shard of a crowded topic; empty while topics are whole.
    public func key(shardBits: String = "") -> NodeID {
        var text = Array("infernet/1/".utf8)
        text += description.utf8
        text.append(UInt8(ascii: "/"))
        text += shardBits.utf8
        return NodeID(truncating: SHA256.hash(data: text))
    }

    /// The topic of a card whose place is `target`; nil when it has none there. The key of its provider is tried first, as
    /// the others have to be read.
    static func topic(of card: SignedEvent, at target: NodeID, shardBits: String) -> Topic? {
        guard card.kind == EventKind.card else { return nil }
        let own = Topic.provider(card.pubkey)
        if own.key(shardBits: shardBits) == target { return own }
        return topics(of: card).dropFirst().first { $0.key(shardBits: shardBits) == target }
    }

    /// The topics that `card` may be stored under, in the order of its tags and without doubles.
    public static func topics(of card: SignedEvent) -> [Topic] {
        guard card.kind == EventKind.card else { return [] }
        var out: [Topic] = [.provider(card.pubkey)]
        for tag in card.tags where tag.count >= 3 && tag[0] == "model" {
            if tag[1] == tag[1].lowercased(), !tag[1].isEmpty, tag[1].utf8.count <= maximumNameLength {
                let topic = Topic.name(tag[1])
                if !out.contains(topic) { out.append(topic) }
            }
            if let root = ContentRoot(hex: tag[2]) {
                let topic = Topic.model(root)
                if !out.contains(topic) { out.append(topic) }
            }
        }
        // Last: what is looked for most is found soonest.
        guard let tag = card.tags.first(where: { $0.first == "device" }), tag.count == 3,
            let device = DeviceClass(tag[1])
        else { return out }
        for case .name(let name) in out { out.append(.nameOnDevice(name, device)) }
        return out + [.device(device)]
    }
}
