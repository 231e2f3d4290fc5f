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

    var purse: Purse { Purse(id: id, side: side, peer: peer, rail: rail, asset: asset) }
    var payee: String { purse.payee }
    var account: String { purse.account }

    /// What ties a channel to the two nodes: a voucher that somebody saw on the way is worth nothing to him.
    static func salt(client: PublicKey, provider: PublicKey) -> Digest {
        Digest(hashing: "infernet/x402/1\n\(client.hex)\n\(provider.hex)")
    }

    func reservation(_ job: JobID) -> String { purse.reservation(job) }
}
