// What comes in on a chain: transfers to this node's account, booked when they are final, each once.
// It must never book what the account does not hold.

import EVM
import NodeModel

extension EVMRail {
    /// Blocks of one question, since nodes refuse larger ones, and questions of one look.
    private static let stride: UInt64 = 1_000
    private static let mostStrides = 50

    /// Books the transfers of a token to this account up to a block that is final.
    func findDeposits(_ token: EVMToken, through final: UInt64) async throws {
        // What lies beyond the final block was searched on the word of a liar: it counts for nothing.
        let remembered = try await ledger.searched(token.asset, upTo: Int64(clamping: final))
        var next: UInt64
        if let block = searched[token.asset], block <= final {
            next = block + 1
        } else if chain.depositsFrom > 0 {
            // Searched again at each start: what was booked is known by its place and booked once.
            next = UInt64(clamping: chain.depositsFrom)
        } else if let remembered {
            next = UInt64(clamping: remembered) + 1
        } else {
            next = final
        }
        for _ in 0..<Self.mostStrides where next <= final {
            let last = min(final, next + Self.stride - 1)
            let found = try await deposits(token, next, last)
            let lost = found.isEmpty ? 0 : try await shortage(found, token, at: final)
            if !found.isEmpty || remembered == nil || last >= UInt64(clamping: remembered ?? 0) + 500 {
                _ = try await ledger.credit(
                    found, token.asset, through: Int64(clamping: last), lost: lost, at: now)
                if lost > 0 { writtenOff[token.asset] = nil }
            }
            searched[token.asset] = last
            next = last + 1
        }
    }

    private func deposits(
        _ token: EVMToken, _ first: UInt64, _ last: UInt64
    ) async throws -> [(id: String, amount: Int64, party: String)] {
        let own = ChainReceipt.word(signer.address)
        let logs = try await client.logs(
            of: token.address, topics: [EVMToken.transferred, nil, own], from: first, to: last)
        return try logs.compactMap { log in
            guard log.removed != true, log.address.bytes == token.address.bytes, log.topics.count == 3,
                log.topics[0].bytes == EVMToken.transferred, log.topics[2].bytes == own,
                log.transactionHash.bytes.count == 32, let index = log.logIndex.value.exactUInt64,
                let block = log.blockNumber.value.exactUInt64, (first...last).contains(block),
                log.data.bytes.count == 32, let amount = UInt256(bytes: log.data.bytes)
            else { throw ChainTrouble.contradiction("an event is not one that was asked for") }
            // Moving money from oneself to oneself brings nothing.
            guard log.topics[1].bytes != own, amount > .zero else { return nil }
            guard let amount = amount.exactInt64, amount <= Deed.largestAmount else {
                throw ChainTrouble.contradiction("a deposit is larger than any can be")
            }
            let place = "\(chain.rail):\(Hex.encode(log.transactionHash.bytes)):\(index)"
            return ("in/\(place)", amount, place)
        }
    }

    /// The account must hold what is booked and what is about to be: a made-up event is not backed by a balance.
    ///
    /// - Returns: how much of what is booked is not there, and is written off by a person's word; else zero.
    private func shortage(
        _ found: [(id: String, amount: Int64, party: String)], _ token: EVMToken, at final: UInt64
    ) async throws -> Int64 {
        let held = try await client.call(
            EVMToken.balanceOf, [.address(signer.address)], at: token.address, .number(final))
        let booked = try await ledger.unbooked(found, token.asset)
        guard case .uint(let held)? = held.first else { throw ChainTrouble.unreadable("balanceOf") }
        if held >= UInt256(UInt64(clamping: booked)) { return 0 }
        let short = held.exactInt64.map { booked - $0 } ?? 0
        missing[token.asset] = short
        guard short > 0, writtenOff[token.asset] == short else {
            throw ChainTrouble.contradiction(
                "a deposit of \(token.symbol) is told of that the account's balance does not cover")
        }
        return short
    }
}
