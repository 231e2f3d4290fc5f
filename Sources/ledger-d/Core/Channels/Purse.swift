// What a job is paid from: a channel, under whose vouchers it is promised, or credit, which was paid before. The books of both
// are kept in the same way. It must never be one of somebody else: its id is made of both nodes' keys.

import FoundationEssentials
import GRDB
import NodeModel
import Wire

struct Purse: Hashable, Sendable {
    var id: Digest
    var side: PaymentChannel.Side
    /// The other node.
    var peer: PublicKey
    /// CAIP-2.
    var rail: String
    var asset: Asset

    /// Whether what it holds was paid ahead, so that nothing is claimed later.
    var isCredit: Bool { asset.isLightning }

    /// To whom the books say that money goes which is put into it.
    var payee: String { "\(isCredit ? "credit" : "channel"):\(id.hex)" }

    /// What lies in it and is not paid yet; or what is charged and not claimed yet; or a client's credit here, which is owed.
    var account: String {
        switch (side, isCredit) {
        case (.payer, _): "paid:\(rail):\(payee)"
        case (.payee, false): "due:\(rail):\(payee)"
        case (.payee, true): "owed:\(rail):\(payee)"
        }
    }

    /// Whether a deed may name this account: a channel's, a credit's, or what is due from a sale.
    static func isAccount(_ account: String) -> Bool {
        account.utf8.count <= Deed.longestParty && Deed.isPlain(account)
            && (account.hasPrefix("due:") || account.hasPrefix("paid:") || account.hasPrefix("owed:"))
            && (account.contains(":channel:") || account.contains(":sale:") || account.contains(":credit:"))
    }

    /// The reservation of a job's money.
    func reservation(_ job: JobID) -> String { "job/\(job)/\(id.hex)" }
}

extension Purse {
    /// The credit of a client with a provider, in this node's books.
    ///
    /// - Parameter own: this node.
    static func credit(
        _ side: PaymentChannel.Side, own: PublicKey, peer: PublicKey, asset: Asset
    ) -> Purse {
        let (client, provider) = side == .payer ? (own, peer) : (peer, own)
        let id = Digest(
            hashing: "infernet/credit/1\n\(client.hex)\n\(provider.hex)\n\(asset.rawValue)")
        let rail = asset.rawValue.split(separator: "/", maxSplits: 1).first.map(String.init) ?? ""
        return Purse(id: id, side: side, peer: peer, rail: rail, asset: asset)
    }

    /// The credit of one purchase whose payment is held: what is in it counts only while that is so.
    ///
    /// - Parameter own: this node.
    static func held(
        _ side: PaymentChannel.Side, own: PublicKey, peer: PublicKey, asset: Asset, hash: Digest
    ) -> Purse {
        var purse = credit(side, own: own, peer: peer, asset: asset)
        purse.id = Digest(hashing: "infernet/held/1\n\(purse.id.hex)\n\(hash.hex)")
        return purse
    }

    init(_ row: Row) throws {
        guard let id = Digest(bytes: Array(row["id"] as Data)),
            let side = PaymentChannel.Side(rawValue: row["side"]), let peer = PublicKey(hex: row["peer"])
        else { throw WireError(.corrupt, "A channel in the ledger cannot be read.") }
        self.init(id: id, side: side, peer: peer, rail: row["rail"], asset: Asset(rawValue: row["asset"]))
    }
}
