// The account on Lightning, as data: which kind of backend, where it is, and how much may leave.
// It must never hold the account's key: that lies with ledger-d alone.

/// The account on Lightning; none while it has no name.
public struct LightningSection: Codable, Sendable, Equatable {
    /// What a backend speaks.
    public enum Kind: String, Sendable, CaseIterable {
        case lnbits
        /// Core Lightning.
        case cln
        /// LND by its REST interface.
        case lnd
        /// A wallet service behind a Nostr relay (NIP-47).
        case nwc
    }

    /// What the books call the account. Another account takes another name: payments under way stay with theirs.
    public var name = ""
    public var kind = ""
    /// Where ws-d carries requests to: an `https` URL, or `http` on loopback; for NIP-47 the relay, `wss` or `ws` on
    /// loopback. For Core Lightning `unix:` and the path of its socket, which ledger-d opens itself.
    public var url = ""
    /// The server's own certificate (PEM), as LND makes one: no other is believed then. Empty: the machine's authorities.
    public var certificate = ""
    /// `bitcoin`, `testnet`, `signet` or `regtest`.
    public var network = "bitcoin"
    /// The node that signs the account's invoices, 66 hexadecimal characters: no other's are given out. Empty: any.
    public var payee = ""
    /// The most that one payment may take, with what its way may cost; in millisatoshis, as all amounts here.
    public var maxPerPayment: Int64 = 100_000_000
    /// The most that leaves in one day (UTC).
    public var maxPerDay: Int64 = 1_000_000_000
    /// The most of that which goes to one payee.
    public var maxPerPeer: Int64 = 1_000_000_000
    /// What the way to a payee may cost: so much, and so many millionths of the amount.
    public var maxFeeBase: Int64 = 10_000
    public var maxFeeMillionths: Int64 = 10_000
    /// How long invoices of this node's can be paid, in seconds.
    public var invoiceSeconds: Int64 = 3_600
    /// How often the backend is asked while something is under way, in seconds.
    public var pollSeconds = 5

    enum CodingKeys: String, CodingKey {
        case name, kind, url, certificate, network, payee
        case maxPerPayment = "max_per_payment"
        case maxPerDay = "max_per_day"
        case maxPerPeer = "max_per_peer"
        case maxFeeBase = "max_fee_base"
        case maxFeeMillionths = "max_fee_millionths"
        case invoiceSeconds = "invoice_s"
        case pollSeconds = "poll_s"
    }

    public init() {}

    public var isOn: Bool { !name.isEmpty }

    /// By what ledger-d names the backend to ws-d.
    public var endpoint: String { "lightning/\(name)" }

    /// Where ws-d may carry to, and in which header the account's key travels.
    var carried: CarryEndpoint? {
        guard isOn, let kind = Kind(rawValue: kind) else { return nil }
        switch kind {
        case .lnbits: return CarryEndpoint(name: endpoint, url: url, header: "X-Api-Key")
        case .lnd:
            return CarryEndpoint(
                name: endpoint, url: url, header: "Grpc-Metadata-macaroon",
                certificate: certificate.isEmpty ? nil : certificate)
        case .nwc: return CarryEndpoint(name: endpoint, url: url)
        case .cln: return nil
        }
    }

    /// The socket that ledger-d opens; nil where ws-d carries.
    public var socketPath: String? {
        guard kind == Kind.cln.rawValue, url.hasPrefix("unix:/") else { return nil }
        return String(url.dropFirst("unix:".count))
    }

    /// What is wrong with the section, by key; the first of all.
    func problem() -> (key: String, problem: String)? {
        guard isOn else { return url.isEmpty && kind.isEmpty ? nil : ("name", "must be given to an account") }
        if !ChainSection.isName(name) { return ("name", "must have 1 to 32 letters, digits and '-'") }
        if Kind(rawValue: kind) == nil {
            return ("kind", "must be one of: \(Kind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        if kind == Kind.cln.rawValue {
            if !(1...107).contains(socketPath?.utf8.count ?? 0) {
                return ("url", "must be 'unix:' and the absolute path of lightning-rpc, of at most 107 bytes")
            }
        } else if kind == Kind.nwc.rawValue {
            // The connection as a wallet shows it holds a secret, and this file is not for secrets.
            if url.contains("secret=") {
                return ("url", "must be the relay's address alone: the connection belongs into lightning.key")
            }
            if !CarryEndpoint.isAllowedRelay(url) {
                return ("url", "must be the relay's wss:// address, or ws:// on a loopback address")
            }
        } else if !CarryEndpoint.isAllowed(url) {
            return ("url", "must be an https:// URL, or http:// on a loopback address")
        }
        if !certificate.isEmpty, kind != Kind.lnd.rawValue || !certificate.contains("BEGIN CERTIFICATE") {
            return ("certificate", "must be PEM, for kind lnd")
        }
        if !["bitcoin", "testnet", "signet", "regtest"].contains(network) {
            return ("network", "must be bitcoin, testnet, signet or regtest")
        }
        let digits = payee.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        guard payee.isEmpty || (digits && payee.utf8.count == 66 && ["02", "03"].contains(payee.prefix(2)))
        else {
            return ("payee", "must be a node's key: 66 characters of 0-9 and a-f, the first two 02 or 03")
        }
        let whole = Int64(1) << 50
        let ranges: [(String, Int64, ClosedRange<Int64>)] = [
            ("max_per_payment", maxPerPayment, 0...whole), ("max_per_day", maxPerDay, 0...Int64.max),
            ("max_fee_base", maxFeeBase, 0...whole), ("max_fee_millionths", maxFeeMillionths, 0...1_000_000),
            ("invoice_s", invoiceSeconds, 60...604_800), ("poll_s", Int64(pollSeconds), 1...3_600),
        ]
        for (key, value, range) in ranges where !range.contains(value) {
            return (key, "is \(value), outside \(range.lowerBound) to \(range.upperBound)")
        }
        return nil
    }
}
