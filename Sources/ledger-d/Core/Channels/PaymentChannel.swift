// A payment channel between two nodes, as the ledger keeps it: in which this node pays, or is paid.
// It must never be one of somebody else: its salt is made of both nodes' keys.

import EVM
import NodeModel
import X402

struct PaymentChannel: Hashable, Sendable {
    enum Side: String, Sendable {
        case payer, payee
    }

    var id: Digest
    var side: Side
    /// The other node.
    var peer: PublicKey
    /// CAIP-2.
    var rail: String
    var asset: Asset
    var config: ChannelConfig
    /// Unix milliseconds.
    var at: Int64

    init(
        _ config: ChannelConfig, chainID: UInt64, asset: Asset, side: Side, peer: PublicKey, at: Int64
    ) throws {
        id = try config.id(chainID: chainID)
        self.side = side
        self.peer = peer
        rail = "eip155:\(chainID)"
        self.asset = asset
        self.config = config
        self.at = at
    }

    init(
        id: Digest, side: Side, peer: PublicKey, rail: String, asset: Asset, config: ChannelConfig, at: Int64
    ) {
        self.id = id
        self.side = side
        self.peer = peer
        self.rail = rail
        self.asset = asset
        self.config = config
        self.at = at
    }

    var chainID: UInt64 { UInt64(rail.dropFirst("eip155:".count)) ?? 0 }

    /// To whom the books say that money goes which is put into it.
    var payee: String { "channel:\(id.hex)" }

    /// What lies in it and is not paid yet; or what is charged and not claimed yet.
    var account: String {
        switch side {
        case .payer: "paid:\(rail):\(payee)"
        case .payee: "due:\(rail):\(payee)"
        }
    }

    /// Whether a deed may name this account: a channel's, or what is due from a sale.
    static func isAccount(_ account: String) -> Bool {
        account.utf8.count <= Deed.longestParty && Deed.isPlain(account)
            && (account.hasPrefix("due:") || account.hasPrefix("paid:"))
            && (account.contains(":channel:") || account.contains(":sale:"))
    }

    /// What ties a channel to the two nodes: a voucher that somebody saw on the way is worth nothing to him.
    static func salt(client: PublicKey, provider: PublicKey) -> Digest {
        Digest(hashing: "infernet/x402/1\n\(client.hex)\n\(provider.hex)")
    }

    /// The reservation of a job's money.
    func reservation(_ job: JobID) -> String { "job/\(job)/\(id.hex)" }
}
