// Proves that one thing that is wrong on a chain stops nothing else: an untrue line in the books, a wrong token, a payment
// whose terms are broken, a carrier from long ago; and that each is told.

import EVM
import Foundation
import Interfaces
import NIOConcurrencyHelpers
import NodeConfig
import NodeModel
import Nostr
import TestKit
import Testing
import Wire

@testable import LedgerChainChild
@testable import LedgerCore

@Suite struct RailTroubleTests {
    /// A node whose books are older than its chain: a payment left after the copy was made.
    private func restored() async throws -> ChannelFixture {
        var nodes = try ChannelFixture(claimAt: 100)
        try await nodes.opened()
        nodes.chain.deposit(5_000, to: nodes.provider.rails[0].signer.address)
        await nodes.look(3)
        try #require(try await nodes.wallet(nodes.provider) == 5_000)
        let copy = try nodes.provider.ledger.backUp(to: nodes.places[1].path)
        _ = try await nodes.provider.pay(
            .init(id: "rent", asset: DeedFixture.usdc, amount: 3_000, to: RailFixture.payee.lowercase))
        await nodes.look(5)
        try #require(nodes.chain.change { $0.tokens[RailFixture.payee] } == UInt256(3_000))
        let place = try TemporaryDirectory()
        for (from, to) in [
            (copy.path, Ledger.fileName), (nodes.places[1].path + "/" + NodeKeyFile.name, NodeKeyFile.name),
        ] { try copyFile(from, place.path + "/" + to) }
        nodes.provider = try ChannelFixture.open(place.path, nodes.chain, nodes.time, 100_000, 100)
        nodes.places.append(place)
        return nodes
    }

    @Test func booksThatAreOlderThanTheChainStopNoClaim() async throws {
        let nodes = try await restored()
        await nodes.look(2)
        nodes.chain.deposit(500, to: nodes.provider.rails[0].signer.address)
        for job in 1...2 { try await nodes.run(job) }
        await nodes.look(6)
        let rail = nodes.provider.rails[0]
        // What was claimed has come in as well, and is a deposit like any other.
        #expect(try await nodes.wallet(nodes.provider) == 5_000)
        #expect(try await nodes.provider.ledger.payments(limit: 9).map(\.state) == [.settled])
        // The deposit is not booked, and that is told: in the rail's state, of the account, and by doctor.
        #expect(await rail.standing.ok)
        #expect(await rail.standing.reason.contains("deposits of USDC are not booked"))
        let accounts = try await nodes.provider.accounts().accounts
        #expect(accounts.first?.reason.contains("deposits of USDC are not booked") == true)
        let check = await nodes.provider.checkRails().first
        #expect(check?.ok == false && check?.reason.contains("deposits of USDC") == true)
        // A person has exactly that written off, and what came in is booked.
        let asset = DeedFixture.usdc
        let told = try await nodes.provider.reconcile(.init(asset: asset))
        #expect(told == .init(asset: asset, booked: 5_000, missing: 3_000, isWrittenOff: false))
        for wrong in [2_999, 3_001, 0, -1] as [Int64] {
            await #expect(throws: WireError.self) {
                try await nodes.provider.reconcile(.init(asset: asset, amount: wrong))
            }
        }
        let gone = try await nodes.provider.reconcile(.init(asset: asset, amount: 3_000))
        #expect(gone.isWrittenOff)
        await nodes.look(2)
        #expect(try await nodes.wallet(nodes.provider) == 2_608)
        #expect(nodes.chain.change { $0.tokens[rail.signer.address] } == UInt256(2_608))
        #expect(await nodes.provider.checkRails().first?.ok == true)
        #expect(try await nodes.provider.reconcile(.init(asset: asset)).missing == 0)
        try await nodes.requireSound()
    }

    @Test func aKeyWithoutItsBooksIsReconciledToo() async throws {
        let node = try RailFixture(depositsFrom: 100)
        node.chain.deposit(900, to: node.own)
        node.chain.mine(2)
        // What left once left under books that are no more.
        node.chain.change { $0.tokens[node.own] = UInt256(250) }
        _ = await node.rail.pass()
        #expect(try await node.wallet() == 0)
        #expect(await node.rail.missing[node.token.asset] == 650)
        await node.rail.writeOff(650, of: node.token)
        _ = await node.rail.pass()
        #expect(try await node.wallet() == 250)
        #expect(await node.rail.missing[node.token.asset] == nil)
        #expect(try await node.ledger.audit().faults == [])
    }

    @Test func aWrongTokenStopsNoOther() async throws {
        // The model answers for each address as USDC does.
        var other = try #require(ChainSection.known.first?.tokens.first)
        (other.symbol, other.name) = ("FAKE", "USD Coin (PoS)")
        other.address = "0x2791bca1f2de4661ed88a30c99a7a9449aa84174"
        let node = try RailFixture(before: [other])
        _ = await node.rail.pass()
        node.chain.deposit(10_000_000, to: node.own)
        node.chain.mine(2)
        _ = await node.rail.pass()
        #expect(try await node.wallet() == 10_000_000)
        #expect(await node.rail.standing(of: node.token.asset).ok)
        #expect(await !node.rail.standing(of: node.rail.chain.tokens[0].asset).ok)
        #expect(await node.rail.standing.reason.contains("is not the FAKE"))
        _ = try await node.ask("rent")
        #expect(try await node.finish("rent").state == .settled)
    }

    @Test func aPaymentThatCannotBeReadKeepsNoOtherWaiting() async throws {
        let node = try RailFixture()
        try await node.fund()
        _ = try await node.ledger.ask(
            Ledger.PaymentDraft(
                id: "a-broken", rail: node.rail.chain.rail, asset: node.token.asset, amount: 7,
                payee: "nobody", terms: Array(#"{"errand":"of-another-build"}"#.utf8), perPayment: 7,
                perDay: 7), at: 1)
        _ = try await node.ask("rent")
        #expect(try await node.finish("rent").state == .settled)
        #expect(try await node.payment("a-broken").state == .asked)
        #expect(await node.rail.awaited["a-broken"]?.contains("unknown kind") == true)
    }

    @Test func whatAnotherCarriedIsFoundHoursLater() async throws {
        let node = try RailFixture()
        try await node.fund()
        node.chain.change { $0.height += 3_000 }
        let payment = try await node.ask("carried")
        let terms = try EVMPaymentTerms(payment.terms)
        let carrier = try #require(PaymentSigner(SecretKey.generate().derived(.evm(0))))
        let raw = try carrier.sign(
            .feeMarket(
                try #require(
                    FeeMarketTransaction(
                        chainID: 137, nonce: 0, maxPriorityFee: .zero, maxFee: UInt256(1), gasLimit: 100_000,
                        to: try terms.contract(), data: try terms.call(node.rail.signer, node.token)))))
        try await ChainClient(endpoint: "", carrier: node.chain).send(
            Letter(number: 1, at: 0, lane: "", place: 0, hash: EVMTransaction.hash(raw: raw), raw: raw))
        try #require(node.received() == UInt256(1_500_000))
        node.chain.mine(6_000)
        node.time.withLockedValue { $0 += 12_000_000 }
        _ = await node.rail.pass()
        let ended = try await node.payment("carried")
        #expect(ended.state == .settled)
        #expect(ended.reason == "paid by 0x\(Hex.encode(EVMTransaction.hash(raw: raw)))")
        #expect(ended.letters.isEmpty)
    }

    @Test func aSearchHasAnEndAndBeginsAgain() throws {
        var search = CarrierSearch(next: 4_999)
        var asked: [ClosedRange<UInt64>] = []
        while let blocks = search.blocks() {
            asked.append(blocks)
            search.searched(
                blocks, time: Int64(blocks.lowerBound) * 2 + 10_000, since: 18_500_000, now: 77)
        }
        // 18,500 less an hour of slack is block 2,450.
        #expect(asked == [4_000...4_999, 3_000...3_999, 2_000...2_999])
        #expect(search.endedAt == 77)
        var low = CarrierSearch(next: 700)
        #expect(low.blocks() == 0...700)
        low.searched(0...700, time: .max, since: 0, now: 0)
        #expect(low.blocks() == nil)
    }

    @Test func doctorIsToldOfASilentChainAndOfAClaimWithoutCoin() async throws {
        let node = try RailFixture()
        #expect(await node.rail.check().ok)
        node.chain.change { $0.lie = { _, _ in nil } }
        _ = await node.rail.pass()
        let silent = await node.rail.check()
        #expect(!silent.ok && silent.reason.contains("does not answer") && silent.fix != nil)
        node.chain.change { $0.lie = nil }
        try await node.fund()
        #expect(await node.rail.check().ok)
        #expect(await node.rail.coins == UInt256(10_000_000_000_000_000_000))
        node.chain.change {
            $0.lie = { method, truth in method == "eth_getBalance" ? "0x5" as Any : truth }
        }
        _ = try await node.ask("rent")
        _ = await node.rail.pass()
        let poor = await node.rail.check()
        #expect(!poor.ok && poor.reason.contains("'rent' waits for POL for the fee"))
        #expect(poor.fix?.contains(node.own.checksummed) == true)
        #expect(await node.rail.coins == UInt256(5))
    }

    @Test func onePayeeGetsNoMoreThanItsCeilingInADay() async throws {
        let node = try RailFixture(perPeer: 2_000_000)
        try await node.fund()
        _ = try await node.ask("a")
        let error = await #expect(throws: WireError.self) { try await node.ask("b", 500_001) }
        #expect(error?.code == .policyRefused && error?.fix?.contains("max_per_peer") == true)
        _ = try await node.ask("c", 500_000)
        // Another payee has its own, and so has another day.
        _ = try await node.rail.ask(
            "d", node.token, amount: 2_000_000,
            to: EVMAddressText("0x" + String(repeating: "42", count: 20)).address)
        node.wait(86_400)
        _ = try await node.ask("e", 2_000_000)
    }

    @Test func ceilingsOfRealMoneyAreShownByAsset() async throws {
        let rows = try ChannelFixture().client.ceilings
        let usdc = rows.filter { $0.asset == DeedFixture.usdc }
        #expect(rows.first?.asset == .testCredit)
        #expect(usdc.map(\.perCall) == [100_000_000, 10_000_000, nil])
        #expect(usdc.map(\.perPeer) == [1_000_000_000, 1_000_000_000, 100_000])
        #expect(usdc.allSatisfy { $0.decimals == 6 && $0.symbol == "USDC" && !$0.setting.isEmpty })
    }

    private func copyFile(_ from: String, _ to: String) throws {
        try Data(contentsOf: URL(fileURLWithPath: from)).write(to: URL(fileURLWithPath: to))
        #expect(chmod(to, 0o600) == 0)
    }
}
