// Who carried an authorization that this node did not bring to the chain itself: looked for in the token's events, stride by
// stride, from the final block back to when it was asked for. It must never look without an end; a receipt says whether it pays.

import EVM
import NodeModel

/// How far one search has come.
struct CarrierSearch: Hashable, Sendable {
    /// The last block that was not searched yet; nil when all were.
    var next: UInt64?
    /// When it ended; Unix milliseconds.
    var endedAt: Int64 = 0

    /// Blocks of one question, and questions of one look.
    static let stride: UInt64 = 1_000
    static let mostStrides = 50
    /// How far the chain's clock may be behind ours, in seconds.
    static let slack: Int64 = 3_600
    /// How long it waits before it begins again where it found nothing, in milliseconds: the endpoint has lied, or has
    /// forgotten old events, and may be another one by then.
    static let pause: Int64 = 600_000

    /// The blocks to be asked about next; nil when none are.
    func blocks() -> ClosedRange<UInt64>? {
        next.map { $0 - min($0, Self.stride - 1)...$0 }
    }

    /// - Parameters:
    ///   - time: of the first block that was searched; Unix seconds.
    ///   - since: when the authorization was made; Unix milliseconds.
    mutating func searched(_ blocks: ClosedRange<UInt64>, time: Int64, since: Int64, now: Int64) {
        if blocks.lowerBound == 0 || time < since / 1000 - Self.slack {
            (next, endedAt) = (nil, now)
        } else {
            next = blocks.lowerBound - 1
        }
    }
}

extension EVMRail {
    /// Transactions that may have carried a payment, besides this node's own. Goes on in the next look where this one ends.
    func carriers(
        of payment: OutgoingPayment, _ errand: any EVMErrand, _ token: EVMToken, upTo final: UInt64
    ) async throws -> [[UInt8]] {
        var search = searches[payment.id] ?? CarrierSearch(next: final)
        if search.next == nil {
            guard now - search.endedAt >= CarrierSearch.pause else { return [] }
            search = CarrierSearch(next: final)
        }
        for _ in 0..<CarrierSearch.mostStrides {
            guard let blocks = search.blocks() else { break }
            let found = try await errand.carriers(client, token, in: blocks)
            guard found.isEmpty else {
                searches[payment.id] = nil
                return found
            }
            guard let first = try await client.block(.number(blocks.lowerBound)),
                let time = first.timestamp.value.exactUInt64
            else { throw ChainTrouble.unreadable("there is no block \(blocks.lowerBound)") }
            search.searched(blocks, time: Int64(clamping: time), since: payment.at, now: now)
            searches[payment.id] = search
        }
        return []
    }
}
