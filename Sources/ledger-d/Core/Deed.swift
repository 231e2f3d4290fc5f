// What moves money without a receipt: coming in, set aside, paid, given back, going out. Each has an id and happens
// once. It must never be done under an id that stands for something else: the whole deed is compared.

import NodeModel
import Wire

/// A movement of money that somebody intends.
struct Deed: Codable, Hashable, Sendable {
    enum Kind: String, Codable, Sendable, CaseIterable {
        /// Money came in by a rail; `party` says from where, to the transaction.
        case deposit
        /// Money is set aside for `party`, to be posted or voided.
        case reserve
        /// What was set aside is paid to `party`, at most in full; the rest comes back.
        case post
        /// What was set aside comes back.
        case void
        /// Money goes out by a rail; `party` says where to.
        case withdraw
    }

    static let longestParty = 200
    static let longestID = 128
    /// What canonical JSON can carry: nine billion dollars in micro-dollars.
    static let largestAmount: Int64 = 1 << 53 - 1

    let kind: Kind
    let asset: Asset
    /// In the asset's smallest unit; for `void`, zero.
    let amount: Int64
    let party: String
    /// The id of the reservation that is posted or voided; empty for the other kinds.
    let reservation: String
    /// Whose money moves, where it is not the wallet's: that in a channel, or due from one.
    let account: String?

    private init(
        _ kind: Kind, _ asset: Asset, _ amount: Int64, _ party: String, _ reservation: String = "",
        account: String? = nil
    ) {
        self.account = account
        self.kind = kind
        self.asset = asset
        self.amount = amount
        self.party = party
        self.reservation = reservation
    }

    static func deposit(
        _ amount: Int64, _ asset: Asset, from party: String, into account: String? = nil
    ) -> Deed {
        Deed(.deposit, asset, amount, party, account: account)
    }
    static func reserve(
        _ amount: Int64, _ asset: Asset, for party: String, of account: String? = nil
    ) -> Deed {
        Deed(.reserve, asset, amount, party, account: account)
    }
    static func post(
        _ reservation: String, _ amount: Int64, _ asset: Asset, to party: String, of account: String? = nil
    ) -> Deed {
        Deed(.post, asset, amount, party, reservation, account: account)
    }
    static func void(_ reservation: String, _ asset: Asset, of account: String? = nil) -> Deed {
        Deed(.void, asset, 0, "", reservation, account: account)
    }
    static func withdraw(
        _ amount: Int64, _ asset: Asset, to party: String, of account: String? = nil
    ) -> Deed {
        Deed(.withdraw, asset, amount, party, account: account)
    }

    /// The account that gives, or gets back.
    var home: String { account ?? Operation.wallet }

    /// The deed's canonical JSON, by which it is stored and compared.
    func canonical() throws(CanonicalJSONError) -> [UInt8] {
        var line = CanonicalLine()
        if let account { try line.add("account", account) }
        try line.add("amount", amount)
        try line.add("asset", asset.rawValue)
        try line.add("kind", kind.rawValue)
        try line.add("party", party)
        try line.add("reservation", reservation)
        return line.closed
    }

    /// The id in the table of operations: apart from those of receipts, whatever callers choose.
    static func operation(_ id: String) -> String { "deed/\(id)" }

    /// The account that holds what a reservation set aside.
    static func held(_ reservation: String) -> String { "held:\(reservation)" }

    /// Refuses what is malformed, whatever the ledger holds.
    func check(id: String) throws(WireError) {
        guard (1...Self.longestID).contains(id.utf8.count), Self.isPlain(id) else {
            throw WireError(
                .invalidParams, "An operation's id has 1 to \(Self.longestID) printable characters.")
        }
        guard asset.isWellFormed else {
            throw WireError(
                .invalidParams, "'\(asset.rawValue)' is not an asset.",
                fix: "Name it by CAIP-19, as in eip155:137/erc20:0x3c49….")
        }
        guard kind == .void ? amount == 0 : (kind == .post ? amount >= 0 : amount > 0) else {
            throw WireError(.invalidParams, "'amount' must be positive, not \(amount).")
        }
        guard amount <= Self.largestAmount else {
            throw WireError(.invalidParams, "'amount' is \(amount), more than \(Self.largestAmount).")
        }
        guard kind == .void ? party.isEmpty : (1...Self.longestParty).contains(party.utf8.count),
            Self.isPlain(party)
        else {
            throw WireError(.invalidParams, "'party' has 1 to \(Self.longestParty) printable characters.")
        }
        guard account.map(Purse.isAccount) ?? true else {
            throw WireError(.invalidParams, "'account' is not that of a channel or a credit.")
        }
    }

    /// What moves, from which account to which.
    ///
    /// - Parameters:
    ///   - id: of this deed.
    ///   - held: what its reservation set aside, for `post` and `void`.
    func postings(id: String, held: Int64) -> [ChainEntry.Posting] {
        let moves: [(account: String, amount: Int64)] =
            switch kind {
            case .deposit: [("rail:\(party)", -amount), (home, amount)]
            case .reserve: [(home, -amount), (Self.held(id), amount)]
            case .withdraw: [(home, -amount), ("rail:\(party)", amount)]
            case .void: [(Self.held(reservation), -held), (home, held)]
            case .post:
                [
                    (Self.held(reservation), -held), ("paid:\(party)", amount),
                    (home, held - amount),
                ]
            }
        return moves.map { ChainEntry.Posting(account: $0.account, amount: $0.amount) }
    }

    static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
