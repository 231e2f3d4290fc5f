// The Lightning backend of the configuration, with its texts made into values: what may leave is bounded by these.
// It must never come from what a backend says about itself.

import Lightning
import NodeConfig
import NodeModel
import Wire

extension Invoice.Network {
    /// CAIP-2: the first 32 characters of the hash of the chain's first block.
    var chain: String {
        switch self {
        case .bitcoin: "bip122:000000000019d6689c085ae165831e93"
        case .testnet: "bip122:000000000933ea01ad0ee984209779ba"
        case .signet: "bip122:00000008819873e925422c1ff0f99f7c"
        case .regtest: "bip122:0f9188f13cb7b2c71f2a335e3a4fc328"
        }
    }
}

/// One account at one backend, and how it may be used. Amounts are millisatoshis.
struct LightningAccount: Hashable, Sendable {
    let name: String
    let kind: LightningSection.Kind
    let endpoint: String
    let network: Invoice.Network
    /// Who signs the account's invoices; nil: anybody may.
    let payee: ECDSAPublicKey?
    let perPayment: Int64
    let perDay: Int64
    let perPeer: Int64
    let feeBase: Int64
    let feeMillionths: Int64
    /// How long an invoice of this node's lives, in seconds.
    let invoiceSeconds: Int64
    let poll: Duration

    /// CAIP-2.
    var rail: String { network.chain }
    /// The reference says what is counted: `slip44:0` stands for whole satoshis, which are too coarse here. The kind
    /// is `bolt11`, since CAIP-19 has no room for nine letters.
    var asset: Asset { Asset(rawValue: "\(rail)/bolt11:msat") }

    init(_ section: LightningSection) throws(WireError) {
        guard let kind = LightningSection.Kind(rawValue: section.kind),
            let network = Self.networks[section.network]
        else { throw WireError(.configInvalid, "ledger.lightning has an unknown kind or network.") }
        name = section.name
        self.kind = kind
        endpoint = section.endpoint
        self.network = network
        payee = section.payee.isEmpty ? nil : Hex.decode(section.payee).flatMap { ECDSAPublicKey(bytes: $0) }
        guard payee != nil || section.payee.isEmpty else {
            throw WireError(.configInvalid, "ledger.lightning.payee is no key.")
        }
        perPayment = section.maxPerPayment
        perDay = section.maxPerDay
        perPeer = section.maxPerPeer
        feeBase = section.maxFeeBase
        feeMillionths = section.maxFeeMillionths
        invoiceSeconds = section.invoiceSeconds
        poll = .seconds(section.pollSeconds)
    }

    private static let networks: [String: Invoice.Network] = [
        "bitcoin": .bitcoin, "testnet": .testnet, "signet": .signet, "regtest": .regtest,
    ]

    /// The largest amount, in whole steps, that can be paid with so much, the way included; zero when there is none.
    func net(of whole: Int64, step: Int64) -> Int64 {
        var amount = whole - whole % step
        while amount > 0, amount + feeCeiling(amount) > whole {
            let over = amount + feeCeiling(amount) - whole
            amount -= max(step, over / 2 - over / 2 % step)
        }
        return max(0, amount)
    }

    /// The most that a payment of `amount` may cost besides; it is set aside with it.
    func feeCeiling(_ amount: Int64) -> Int64 {
        // Split, so that nothing overflows.
        feeBase + amount / 1_000_000 * feeMillionths + amount % 1_000_000 * feeMillionths / 1_000_000
    }
}
