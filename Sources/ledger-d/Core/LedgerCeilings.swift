// The ceilings of the configuration as rows by asset: what one call, one day, and one peer in a day may take.
// It must never show a ceiling that nothing checks.

import Interfaces
import NodeConfig
import NodeModel

extension LedgerDaemon {
    /// Every ceiling, test credits first, then as the configuration has the assets.
    var ceilings: [LedgerInterface.Policy.Ceiling] {
        var rows = [jobs(.testCredit, "test:credit", 6)]
        for rail in rails {
            for token in rail.chain.tokens {
                let place = "ledger.chains, \(rail.chain.name), \(token.symbol)"
                rows += [
                    row(
                        token, "payments that leave", place, perCall: token.perPayment, perDay: token.perDay,
                        perPeer: token.perPeer),
                    jobs(token.asset, token.symbol, token.decimals),
                    row(
                        token, "vouchers without a receipt, at any time", "ledger.channels.max_at_risk",
                        perPeer: channels.maxAtRisk),
                ]
                for shop in shops {
                    rows.append(
                        row(
                            token, "at the shop '\(shop.name)', of payments", "ledger.shops",
                            perCall: min(shop.maxPerPayment, token.perPayment)))
                }
            }
        }
        if let account = lightning?.account {
            rows += [
                .init(
                    asset: account.asset, symbol: "sat", decimals: 3, what: "payments that leave",
                    setting: "ledger.lightning", perCall: account.perPayment, perDay: account.perDay,
                    perPeer: account.perPeer),
                jobs(account.asset, "sat", 3),
                .init(
                    asset: account.asset, symbol: "sat", decimals: 3,
                    what: "credit with one provider, at any time",
                    setting: "ledger.credit.max_prepaid", perPeer: credit.maxPrepaid),
            ]
        }
        return rows
    }

    /// The same numbers for each asset, in its smallest unit.
    private func jobs(_ asset: Asset, _ symbol: String, _ decimals: Int) -> LedgerInterface.Policy.Ceiling {
        .init(
            asset: asset, symbol: symbol, decimals: decimals, what: "others' work for this node's jobs",
            setting: "ledger.max_per_job, max_per_day, max_per_peer", perCall: limit.perJob,
            perDay: limit.perDay, perPeer: limit.perPeer)
    }

    private func row(
        _ token: EVMToken, _ what: String, _ setting: String, perCall: Int64? = nil, perDay: Int64? = nil,
        perPeer: Int64? = nil
    ) -> LedgerInterface.Policy.Ceiling {
        .init(
            asset: token.asset, symbol: token.symbol, decimals: token.decimals, what: what, setting: setting,
            perCall: perCall, perDay: perDay, perPeer: perPeer)
    }
}
