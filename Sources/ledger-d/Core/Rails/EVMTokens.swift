// The tokens of one chain, each by itself: whether the contract is the one of the configuration, and whether what comes in
// is booked. It must never let one token's trouble stop another's, nor have anything signed for a token that is in doubt.

import EVM
import NodeModel
import Wire

extension EVMRail {
    /// Asks about one token: what it is, until it has said so once, and what came in.
    func hear(_ token: EVMToken, through final: UInt64) async {
        do {
            if !verified.contains(token.address) { try await verify(token) }
            doubts[token.asset] = nil
        } catch {
            doubts[token.asset] = Self.words(error)
            return
        }
        do {
            try await findDeposits(token, through: final)
            unbooked[token.asset] = nil
            missing[token.asset] = nil
        } catch { unbooked[token.asset] = "deposits of \(token.symbol) are not booked: \(Self.words(error))" }
    }

    /// How the chain is for one token: in doubt, nothing is signed or taken.
    func standing(of asset: Asset) -> (ok: Bool, reason: String) {
        guard standing.ok else { return standing }
        if let doubt = doubts[asset] { return (false, doubt) }
        return standing
    }

    /// What is the matter with tokens, in the configuration's order.
    var tokenTroubles: [String] {
        chain.tokens.compactMap { doubts[$0.asset] ?? unbooked[$0.asset] }
    }

    /// Does one part of a look.
    ///
    /// - Returns: what is the matter with it.
    func attempt(_ what: String, _ part: () async throws -> Void) async -> String? {
        do {
            try await part()
            return nil
        } catch { return "\(what): \(Self.words(error))" }
    }

    static func words(_ error: any Error) -> String { (error as? WireError)?.message ?? "\(error)" }

    /// The contract must say what the configuration says: bridged look-alikes have another domain.
    private func verify(_ token: EVMToken) async throws {
        let said = [
            try await client.call(EVMToken.name, at: token.address, .latest),
            try await client.call(EVMToken.version, at: token.address, .latest),
            try await client.call(EVMToken.separator, at: token.address, .latest),
            try await client.call(EVMToken.decimals, at: token.address, .latest),
        ]
        let due: [[ABIValue]] = [
            [.string(token.domain.name)], [.string(token.domain.version)],
            [.bytes(try token.domain.separator())], [.uint(UInt64(clamping: token.decimals))],
        ]
        guard said == due else {
            throw ChainTrouble.contradiction(
                "\(token.address) on '\(chain.name)' is not the \(token.symbol) of the configuration; nothing is signed"
            )
        }
        verified.insert(token.address)
    }

}
