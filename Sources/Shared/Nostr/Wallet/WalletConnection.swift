// The connection to a wallet service (NIP-47): whom to ask, through which relays, as whom.
// It must never print its secret: whoever has it can spend.

public import NodeModel

/// Why text is not a connection.
public enum WalletConnectionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Not `nostr+walletconnect://`.
    case otherScheme
    /// The wallet's key is not 64 lower-case hexadecimal characters on the curve.
    case badWallet
    /// The secret is missing, repeated, or not a private key.
    case badSecret
    /// No relay, or one that is not a ws:// or wss:// address.
    case badRelay
    /// A part that is not `name=value`, or whose percent signs do not stand for UTF-8.
    case malformed

    public var description: String {
        switch self {
        case .otherScheme: "the connection does not begin with nostr+walletconnect://"
        case .badWallet: "the connection's wallet is not a public key"
        case .badSecret: "the connection's secret is missing, repeated, or no private key"
        case .badRelay: "the connection names no relay, or one that is not a ws:// or wss:// address"
        case .malformed: "the connection has a part that is not name=value"
        }
    }
}

/// A connection to a wallet service.
public struct WalletConnection: Sendable, CustomStringConvertible, CustomReflectable {
    private static let scheme = "nostr+walletconnect://"

    /// The wallet service.
    public let wallet: PublicKey
    /// Where it listens; at least one.
    public let relays: [String]
    /// This side's key, for this connection only.
    public let secret: SecretKey

    /// Reads a connection string.
    public init(_ text: String) throws(WalletConnectionError) {
        guard text.hasPrefix(Self.scheme), text.utf8.count <= 4096 else { throw .otherScheme }
        let parts = text.dropFirst(Self.scheme.count).split(
            separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.first, let wallet = PublicKey(hex: String(name)),
            Schnorr.isValidPublicKey(wallet.bytes)
        else { throw .badWallet }
        var relays: [String] = []
        var secrets: [String] = []
        for part in (parts.count > 1 ? parts[1] : "").split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, let value = Self.unescape(pair[1]) else { throw .malformed }
            switch pair[0] {
            case "relay": relays.append(value)
            case "secret": secrets.append(value)
            default: continue
            }
        }
        guard !relays.isEmpty, relays.allSatisfy({ PeerAuthentication.isEndpoint($0) }) else {
            throw .badRelay
        }
        guard secrets.count == 1, let bytes = Hex.decode(secrets[0], count: 32),
            let secret = SecretKey(bytes: bytes)
        else { throw .badSecret }
        self.wallet = wallet
        self.relays = relays
        self.secret = secret
    }

    /// Percent escapes (RFC 3986) undone; nil when they are cut or do not give UTF-8.
    private static func unescape(_ text: Substring) -> String? {
        var out: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                out.append(byte)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self).lowercased()
            guard let value = Hex.decode(digits, count: 1) else { return nil }
            out += value
            rest = rest.dropFirst(2)
        }
        return String(validating: out, as: UTF8.self)
    }

    /// The wallet and the relays; never the secret.
    public var description: String { "WalletConnection(\(wallet.hex) at \(relays.joined(separator: ", ")))" }

    /// Never the secret.
    public var customMirror: Mirror { Mirror(self, children: ["wallet": wallet, "relays": relays]) }
}
