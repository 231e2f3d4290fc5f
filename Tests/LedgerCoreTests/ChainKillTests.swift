// The kill matrix of chains: a real process is killed by SIGKILL at every boundary of a deposit, a payment, a channel's
// opening, a voucher, its receipt, its claim, and its end by either hand, of a sale to a stranger, and begins again. Each happens
// once, and the books say what the chain holds.

import EVM
import Glibc
import NodeModel
import Testing
import Wire
import X402

@testable import LedgerChainChild
@testable import LedgerCore

extension LongRunningTests {
    @Suite struct ChainKillTests {
        @Test(.timeLimit(.minutes(15)))
        func everyBoundarySurvivesAKill() async throws {
            // Two strands: each waits for its children most of the time.
            let kinds = ChainScript.Kind.allCases
            async let even = strand(stride(from: 0, to: kinds.count, by: 2).map { kinds[$0] })
            async let odd = strand(stride(from: 1, to: kinds.count, by: 2).map { kinds[$0] })
            let total = try await even + odd
            #expect(total > 500)
            KillCount.add(total, "chains")
        }

        private func strand(_ kinds: [ChainScript.Kind]) async throws -> Int {
            var total = 0
            let children = try ForkedChildren("LedgerChainChild")
            for kind in kinds {
                let count = try await kills(kind, children)
                print("figure: \(kind.rawValue) on a chain: killed at each of \(count) boundaries, done once")
                total += count
            }
            return total
        }

        private func kills(_ kind: ChainScript.Kind, _ children: ForkedChildren) async throws -> Int {
            var boundary = 0
            while true {
                boundary += 1
                let place = try DeedFixture()
                let start = ChainScript.start
                let killed = try await children.run([
                    place.directory, kind.rawValue, "\(start)", "\(boundary)",
                ])
                if killed.signal == 0 {
                    let whole = try ChainScript(kind, place.directory, at: start + 300_000)
                    try await check(kind, whole, "\(kind), not killed")
                    if kind == .slow {
                        // Several letters of one payment were out at once.
                        #expect(try await whole.ledger.payment("rent").letters.count >= 2)
                    }
                    return boundary - 1
                }
                try #require(killed.signal == SIGKILL && killed.lines == ["at \(boundary)"])
                let later = try await children.run([
                    place.directory, kind.rawValue, "\(start + 100_000)", "0",
                ])
                try #require(later.signal == 0, "\(kind) \(boundary)")
                let script = try ChainScript(kind, place.directory, at: start + 300_000)
                try await check(kind, script, "\(kind) \(boundary)")
            }
        }

        private func check(_ kind: ChainScript.Kind, _ script: ChainScript, _ place: Comment) async throws {
            #expect(try await script.ledger.audit().faults == [], place)
            let payments = try await script.ledger.payments(limit: 9)
            let due =
                [.pay: 1, .client: 3, .provider: 1, .sale: 1, .refund: 2, .returned: 2, .claims: 3][kind] ?? 1
            let end = kind == .expired ? PaymentState.failed : .settled
            #expect(payments.map(\.state) == .init(repeating: end, count: due), place)
            let wallet = try await script.ledger.balance(of: Operation.wallet, ChainScript.asset)
            if kind == .sale {
                let offer = try script.offer(ChainScript.job(2))
                await #expect(throws: WireError.self, place) {
                    try await script.ledger.take(offer, at: script.now)
                }
                let due = try await script.ledger.balance(
                    of: offer.terms.due("eip155:137"), ChainScript.asset)
                #expect(wallet == ChainScript.sold && due == 0, place)
            }
            let channel = try await script.ledger.balance(of: script.channel.account, ChainScript.asset)
            let book = try await script.ledger.book(of: script.channel.id, at: script.now)
            let (tokens, pool) = script.chain.change { state in
                (state.tokens, state.settlement.channel(script.channel.id))
            }
            let funds = ChainScript.funds
            switch kind {
            case .buy:
                #expect(tokens[ChainScript.payee] == UInt256(UInt64(ChainScript.bought)), place)
                #expect(wallet == funds - ChainScript.bought, place)
            case .expired:
                #expect(tokens[ChainScript.payee] == nil && wallet == funds, place)
                #expect(tokens[script.signer.address] == UInt256(UInt64(funds)), place)
            case .claims:
                let all = 3 * ChainScript.price
                #expect(tokens[script.channel.config.receiver] == UInt256(UInt64(all)), place)
                #expect(wallet == all, place)
                for other in script.others {
                    let left = try await script.ledger.balance(of: other.account, ChainScript.asset)
                    let claimed = script.chain.change { $0.settlement.channel(other.id).claimed }
                    #expect(left == 0 && claimed == UInt256(UInt64(ChainScript.price)), place)
                }
            case .pay, .slow:
                #expect(tokens[ChainScript.payee] == UInt256(1_500_000), place)
                #expect(wallet == funds - 1_500_000, place)
            case .client:
                #expect(pool.balance == UInt256(UInt64(ChainScript.price)), place)
                #expect(wallet == funds - ChainScript.price && channel == 0, place)
                #expect(
                    tokens[script.channel.config.payer] == UInt256(UInt64(funds - ChainScript.price)), place)
                #expect(book == ChannelBook(charged: ChainScript.price, highest: ChainScript.covered), place)
            case .refund:
                let back = funds + ChainScript.deposit - ChainScript.price
                #expect(tokens[script.channel.config.payer] == UInt256(UInt64(back)), place)
                #expect(tokens[script.channel.config.receiver] == UInt256(UInt64(ChainScript.price)), place)
                #expect(pool.refunds == 1 && pool.balance == pool.claimed, place)
                #expect(wallet == ChainScript.price && channel == 0, place)
                let passing = try await script.ledger.balance(
                    of: ChannelRefundTerms.account(script.channel), ChainScript.asset)
                let open = try await script.ledger.openRefunds("eip155:137")
                #expect(passing == 0 && open.isEmpty, place)
            case .returned:
                #expect(tokens[script.channel.config.payer] == UInt256(UInt64(funds)), place)
                #expect(wallet == funds && channel == 0 && pool.balance == .zero, place)
            case .sale:
                #expect(tokens[script.channel.config.receiver] == UInt256(UInt64(ChainScript.sold)), place)
            case .provider:
                #expect(tokens[script.channel.config.receiver] == UInt256(UInt64(ChainScript.price)), place)
                #expect(pool.claimed == UInt256(UInt64(ChainScript.price)), place)
                #expect(wallet == ChainScript.price && channel == 0, place)
                #expect(book == ChannelBook(charged: ChainScript.price, highest: ChainScript.covered), place)
            }
        }
    }
}
