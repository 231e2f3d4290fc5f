// Proves that payments are made once and end as the chain ends them, that deposits are booked when they are final,
// and that no lie of the carrier moves money: not one that drops, repeats, delays, or makes something up.

import EVM
import Foundation
import GRDB
import Logging
import NIOConcurrencyHelpers
import NodeConfig
import NodeModel
import Nostr
import Testing
import Wire

@testable import LedgerChainChild
@testable import LedgerCore

/// A rail over a chain in memory, with a clock that the test turns.
struct RailFixture: Sendable {
    static let payee = EVMAddressText("0x7e5f4552091a69125d5dfcb7b8c2659029395bdf").address
    let place: DeedFixture
    let ledger: Ledger
    let chain: ModelChain
    let rail: EVMRail
    let time: NIOLockedValueBox<Int64>
    let token: EVMToken
    var own: EVMAddress { rail.signer.address }

    init(
        _ chain: ModelChain = ModelChain(), place: DeedFixture? = nil, perDay: Int64 = 1_000_000_000,
        perPeer: Int64 = 1_000_000_000, before others: [TokenSection] = [], depositsFrom: Int64 = 0
    ) throws {
        self.place = try place ?? DeedFixture()
        self.chain = chain
        let time = NIOLockedValueBox<Int64>(1_790_000_000_000)
        self.time = time
        ledger = try self.place.open()
        var section = try #require(ChainSection.known.first)
        section.tokens[0].maxPerDay = perDay
        section.tokens[0].maxPerPeer = perPeer
        section.tokens = others + section.tokens
        section.depositsFrom = depositsFrom
        let made = try EVMChain(section)
        token = try #require(made.tokens.last)
        rail = EVMRail(
            made, signer: try #require(PaymentSigner(self.place.key.derived(.evm(0)))),
            ledger: ledger, carrier: chain, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            clock: { time.withLockedValue { $0 } })
    }

    /// Both clocks go on.
    func wait(_ seconds: Int64) {
        time.withLockedValue { $0 += seconds * 1000 }
        chain.change { $0.time += seconds }
    }

    /// Puts money into the account and has it booked.
    func fund(_ amount: UInt64 = 10_000_000) async throws {
        _ = await rail.pass()
        chain.deposit(amount, to: own)
        chain.mine(2)
        _ = await rail.pass()
        try #require(try await wallet() == Int64(amount))
    }

    func wallet() async throws -> Int64 { try await ledger.balance(of: Operation.wallet, token.asset) }
    func payment(_ id: String) async throws -> OutgoingPayment {
        try #require(try await ledger.payments(limit: 200).first { $0.id == id })
    }
    func ask(_ id: String, _ amount: Int64 = 1_500_000) async throws -> OutgoingPayment {
        try await rail.ask(id, token, amount: amount, to: Self.payee)
    }
    func received() -> UInt256 { chain.change { $0.tokens[Self.payee] ?? .zero } }

    /// Looks until the payment is over.
    func finish(_ id: String) async throws -> OutgoingPayment {
        for _ in 0..<20 {
            _ = await rail.pass()
            chain.mine()
            wait(5)
            let payment = try await payment(id)
            if payment.state.isOver { return payment }
        }
        return try await payment(id)
    }
}

@Suite struct EVMRailTests {
    @Test func aPaymentIsMadeOnceAndEndsWhenItIsFinal() async throws {
        let node = try RailFixture()
        try await node.fund()
        #expect(try await node.ask("rent").state == .asked)
        #expect(try await node.ask("rent").state == .asked)
        #expect(try await node.wallet() == 8_500_000)
        _ = await node.rail.pass()
        #expect(try await node.payment("rent").state == .handed)
        #expect(node.received() == UInt256(1_500_000))
        _ = await node.rail.pass()
        #expect(try await node.payment("rent").state == .answered)
        node.chain.mine(2)
        _ = await node.rail.pass()
        #expect(try await node.payment("rent").state == .settled)
        #expect(try await node.wallet() == 8_500_000)
        #expect(node.chain.change { $0.arrived.count } == 1)
        #expect(try await node.ledger.audit().faults == [])
        // The same id again is the same payment; for another amount it is refused.
        #expect(try await node.ask("rent").state == .settled)
        await #expect(throws: WireError.self) { try await node.ask("rent", 7) }
    }

    @Test func ceilingsPayeesAndCoverAreCheckedBeforeAnythingIsSetAside() async throws {
        let node = try RailFixture(perDay: 2_000_000)
        try await node.fund()
        await #expect(throws: WireError.self) { try await node.ask("a", 100_000_001) }
        await #expect(throws: WireError.self) { try await node.ask("b", 2_000_001) }
        for payee in [node.own, .zero, node.token.address] {
            await #expect(throws: WireError.self) {
                try await node.rail.ask("c", node.token, amount: 1, to: payee)
            }
        }
        _ = try await node.ask("d", 1_900_000)
        await #expect(throws: WireError.self) { try await node.ask("e", 200_000) }
        #expect(try await node.ledger.payments(limit: 10).map(\.id) == ["d"])
        #expect(try await node.wallet() == 8_100_000)
    }

    @Test func depositsAreBookedOnceAndOnlyWhenFinal() async throws {
        let node = try RailFixture()
        _ = await node.rail.pass()
        node.chain.deposit(700, to: node.own)
        node.chain.mine()
        _ = await node.rail.pass()
        #expect(try await node.wallet() == 0)
        node.chain.mine()
        _ = await node.rail.pass()
        #expect(try await node.wallet() == 700)
        node.chain.mine(3)
        // Another process begins from what is on disk, and finds nothing new.
        let again = try RailFixture(node.chain, place: node.place)
        _ = await again.rail.pass()
        #expect(try await again.wallet() == 700)
    }

    @Test func aTransactionThatWaitsIsOfferedAgainAndItsFeeRaisedAtTheSameNonce() async throws {
        let node = try RailFixture()
        try await node.fund()
        node.chain.change { $0.mines = false }
        _ = try await node.ask("slow")
        for _ in 0..<4 {
            _ = await node.rail.pass()
            node.wait(40)
        }
        let letters = try await node.payment("slow").letters
        #expect(letters.count >= 2 && Set(letters.map(\.place)) == [0])
        let fees = try letters.map { letter -> UInt256 in
            guard case .feeMarket(let tx) = try SignedEVMTransaction(raw: letter.raw).transaction else {
                return .zero
            }
            return tx.maxFee
        }
        #expect(fees == fees.sorted() && Set(fees).count == fees.count)
        #expect(fees.last ?? .max <= UInt256(node.rail.chain.highestFee))
        #expect(try await node.finish("slow").state == .settled)
        #expect(node.received() == UInt256(1_500_000))
    }

    @Test func paymentsOfOneLookStandBehindEachOtherInTheLane() async throws {
        let node = try RailFixture()
        try await node.fund()
        node.chain.change { $0.mines = false }
        for id in ["a", "b", "c"] { _ = try await node.ask(id, 1_000_000) }
        _ = await node.rail.pass()
        var places: [UInt64] = []
        for id in ["a", "b", "c"] { places += try await node.payment(id).letters.map(\.place) }
        #expect(places == [0, 1, 2])
        for id in ["a", "b", "c"] { #expect(try await node.finish(id).state == .settled) }
        #expect(node.received() == UInt256(3_000_000))
    }

    @Test func whatCannotBeMinedComesBackAfterItsEndAndNotBefore() async throws {
        let node = try RailFixture()
        try await node.fund()
        node.chain.change { $0.mines = false }
        _ = try await node.ask("lost")
        for _ in 0..<60 {
            _ = await node.rail.pass()
            node.wait(60)
            node.chain.change { $0.waiting = [] }
            #expect(try await node.payment("lost").state != .failed)
        }
        node.wait(700)
        node.chain.mine(3)
        _ = await node.rail.pass()
        #expect(try await node.payment("lost").state == .failed)
        #expect(try await node.wallet() == 10_000_000)
        #expect(node.received() == .zero)
        #expect(try await node.ledger.audit().faults == [])
    }

    @Test func aTokenThatIsNotTheOneOfTheConfigurationIsNeverSignedFor() async throws {
        let node = try RailFixture()
        try await node.fund()
        // The same ledger, a new process, and a contract that calls itself otherwise.
        node.chain.change { $0.name = "USD Coin (PoS)" }
        let other = try RailFixture(node.chain, place: node.place)
        _ = try await other.ask("bridged")
        _ = await other.rail.pass()
        #expect(try await other.payment("bridged").state == .asked)
        #expect(await other.rail.awaited["bridged"]?.contains("not the USDC") == true)
        #expect(other.chain.change { $0.arrived } == [])
    }
}

/// Lies that a carrier can tell, each with what must still hold.
@Suite struct HostileCarrierTests {
    @Test func droppedRepeatedAndReorderedAnswersPayOnce() async throws {
        for seed in 1...12 as ClosedRange<UInt64> {
            let node = try RailFixture()
            try await node.fund()
            let (random, old) = (
                NIOLockedValueBox(SeededRandom(state: seed)), NIOLockedValueBox<[Data]>([])
            )
            node.chain.change { state in
                state.lie = { _, truth in Self.storm(truth, random, old) }
            }
            _ = try await node.ask("stormy")
            for _ in 0..<60 {
                _ = await node.rail.pass()
                node.chain.mine()
                node.wait(10)
            }
            #expect([UInt256.zero, UInt256(1_500_000)].contains(node.received()), "seed \(seed)")
            node.chain.change { $0.lie = nil }
            let end = try RailFixture(node.chain, place: node.place)
            end.time.withLockedValue { $0 = node.time.withLockedValue { $0 } }
            #expect(try await end.finish("stormy").state == .settled, "seed \(seed)")
            #expect(node.received() == UInt256(1_500_000), "seed \(seed)")
            #expect(try await end.wallet() == 8_500_000, "seed \(seed)")
            #expect(try await end.ledger.audit().faults == [], "seed \(seed)")
        }
    }

    /// One answer in ten is dropped, one is to another question, one is an earlier answer.
    static func storm(
        _ truth: Any, _ random: NIOLockedValueBox<SeededRandom>, _ old: NIOLockedValueBox<[Data]>
    ) -> Any? {
        let (kind, pick) = random.withLockedValue {
            (Int.random(in: 0..<10, using: &$0), Int.random(in: 0..<1_000_000, using: &$0))
        }
        let earlier = old.withLockedValue { old -> Data? in
            if let data = try? JSONSerialization.data(withJSONObject: truth, options: .fragmentsAllowed) {
                old.append(data)
            }
            return old.isEmpty ? nil : old[pick % old.count]
        }
        switch kind {
        case 0: return nil
        case 1: return ModelChain.Whole(answer: ["jsonrpc": "2.0", "id": 1, "result": truth])
        case 2:
            return earlier.flatMap { try? JSONSerialization.jsonObject(with: $0, options: .fragmentsAllowed) }
        default: return truth
        }
    }

    @Test func aForgedReceiptSettlesNothing() async throws {
        let node = try RailFixture()
        try await node.fund()
        node.chain.change { $0.mines = false }
        _ = try await node.ask("forged")
        _ = await node.rail.pass()
        let terms = try EVMPaymentTerms(try await node.payment("forged").terms).authorization()
        let hash = try #require(try await node.payment("forged").letters.first?.hash)
        node.chain.change { state in
            let forged = ModelChain.Mined(
                hash: hash, block: 100, ok: true, from: terms.from, to: terms.to, value: terms.value,
                nonce: terms.nonce.bytes)
            state.lie = { method, truth in
                method == "eth_getTransactionReceipt" ? ModelChain.receipt(forged) as Any : truth
            }
        }
        for _ in 0..<5 {
            _ = await node.rail.pass()
            node.wait(10)
        }
        #expect(try await node.payment("forged").state != .settled)
        #expect(await node.rail.awaited["forged"] != nil)
    }

    @Test func aRevertedTransactionIsNotTakenForAPayment() async throws {
        let node = try RailFixture()
        try await node.fund()
        node.chain.change { $0.mines = false }
        _ = try await node.ask("reverted")
        _ = await node.rail.pass()
        // The account is emptied behind the node's back, so that the transfer reverts; the carrier says it did not.
        node.chain.change { state in
            state.tokens[node.own] = .zero
            state.lie = { method, truth in
                guard method == "eth_getTransactionReceipt", var receipt = truth as? [String: Any] else {
                    return truth
                }
                receipt["status"] = "0x1"
                return receipt
            }
        }
        node.chain.mine(4)
        for _ in 0..<4 { _ = await node.rail.pass() }
        #expect(try await node.payment("reverted").state == .answered)
        #expect(node.received() == .zero)
        #expect(try await node.wallet() == 8_500_000)
    }

    @Test func anotherChainAMadeUpDepositAndAFalseNonceMoveNothing() async throws {
        let node = try RailFixture()
        try await node.fund()
        node.chain.change { $0.lie = { method, truth in method == "eth_chainId" ? "0x1" as Any : truth } }
        _ = try await node.ask("elsewhere")
        _ = await node.rail.pass()
        #expect(node.chain.change { $0.arrived } == [])
        #expect(await node.rail.standing.reason.contains("another chain"))
        // A deposit that the account does not hold.
        node.chain.change { state in
            state.height += 3
            let height = UInt64(state.height - 2)
            state.lie = { [own = node.own] method, truth in
                guard method == "eth_getLogs" else { return truth }
                return [
                    [
                        "address": ModelChain.token.address.lowercase,
                        "topics": [
                            ModelChain.data(EVMToken.transferred), ModelChain.data(ChainReceipt.word(.zero)),
                            ModelChain.data(ChainReceipt.word(own)),
                        ],
                        "data": ModelChain.data(UInt256(900_000_000).bytes),
                        "blockNumber": ModelChain.hex(height),
                        "transactionHash": ModelChain.data(Keccak256.hash("nothing".utf8)), "logIndex": "0x0",
                    ] as [String: Any]
                ]
            }
        }
        _ = await node.rail.pass()
        #expect(try await node.wallet() == 8_500_000)
        // It keeps nothing from the payment that waited.
        #expect(try await node.payment("elsewhere").letters.map(\.place) == [0])
        // A nonce far ahead: the chain waits for others, and the payment finds its place all the same.
        _ = try await node.ask("ahead")
        node.chain.change {
            $0.lie = { method, truth in method == "eth_getTransactionCount" ? "0x40" as Any : truth }
        }
        _ = await node.rail.pass()
        #expect(try await node.payment("ahead").letters.map(\.place) == [64])
        node.chain.change { $0.lie = nil }
        node.wait(30)
        #expect(try await node.finish("ahead").state == .settled)
        #expect(try await node.finish("elsewhere").state == .settled)
        #expect(node.received() == UInt256(3_000_000))
        #expect(try await node.wallet() == 7_000_000)
    }

    @Test func moneyDoesNotComeBackBeforeItsEndWhateverTheChainsClockIsSaidToBe() async throws {
        let node = try RailFixture()
        try await node.fund()
        node.chain.change { $0.mines = false }
        _ = try await node.ask("hasty")
        _ = await node.rail.pass()
        for ahead in [3_000, 100_000, 1 << 40] as [Int64] {
            node.chain.change { $0.time = 1_790_000_000 + ahead }
            _ = await node.rail.pass()
            #expect(try await node.payment("hasty").state == .handed)
        }
        // Near its end, with a final block that is said to be beyond it and not yet from the future.
        node.time.withLockedValue { $0 += 3_000_000 }
        node.chain.change { $0.time = 1_790_000_000 + 4_000 }
        _ = await node.rail.pass()
        #expect(await node.rail.standing.ok)
        #expect(try await node.payment("hasty").state == .handed)
    }
}
