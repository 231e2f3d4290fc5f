// Proves which requests about credit reach the ledger: those of the node that connected, to buy only what this node sells.

import IPC
import Interfaces
import NodeConfig
import NodeModel
import Nostr
import Synchronization
import Testing
import Wire

@testable import AggregatorCore

@Suite struct CreditRequestTests {
    static let msat = Asset(rawValue: "bip122:000000000019d6689c085ae165831e93/bolt11:msat")
    let client = SecretKey.generate()

    private func request(_ house: FakeHouse, _ wish: CreditRequest.Wish, asset: Asset = msat) throws
        -> SignedEvent
    {
        try client.sign(
            CreditRequest(
                client: client.publicKey, provider: house.key.publicKey, asset: asset, wish: wish,
                createdAt: WallClock.system.seconds
            ).template)
    }

    private func ask(_ house: FakeHouse, _ event: SignedEvent, as peer: PublicKey? = nil) async throws
        -> CreditAnswer
    {
        try await house.link(as: .ws).call(
            AggregatorInterface.Credit(peer: peer ?? client.publicKey, request: event))
    }

    @Test func onlyWhoConnectedIsAnsweredAndOnlyWhatIsSold() async throws {
        let house = try await FakeHouse()
        try await house.start { $0.aggregator.price.asset = Self.msat.rawValue }
        let (buy, back) = (
            try request(house, .buy(5_000)), try request(house, .back(4_000, fee: 10, invoice: "lnbc1"))
        )
        #expect(try await ask(house, buy).state == "asked")
        for event in [buy, back] {
            await #expect(throws: WireError(.notPermitted, "")) {
                try await ask(house, event, as: PlannerTests.own)
            }
        }
        let testnet = Asset(rawValue: "bip122:000000000933ea01ad0ee984209779ba/bolt11:msat")
        let other = try request(house, .buy(5_000), asset: testnet)
        await #expect(throws: WireError(.policyRefused, "")) { try await ask(house, other) }
        // A draining node sells nothing more, and pays back what it owes.
        _ = try await house.link(as: .supervisor).call(AggregatorInterface.Admit(open: false))
        await #expect(throws: WireError(.draining, "")) { try await ask(house, buy) }
        #expect(try await ask(house, back).state == "asked")
        #expect(house.script.withLock { $0.creditRequests } == [buy, back])
        await house.stop()
    }

    @Test func whoNoLongerProvidesSellsNoneAndPaysBack() async throws {
        let house = try await FakeHouse()
        try await house.start { $0.aggregator.provide = false }
        let (buy, back) = (
            try request(house, .buy(5_000)), try request(house, .back(4_000, fee: 10, invoice: "lnbc1"))
        )
        await #expect(throws: WireError(.policyRefused, "")) { try await ask(house, buy) }
        _ = try await ask(house, back)
        #expect(house.script.withLock { $0.creditRequests } == [back])
        await house.stop()
    }

    @Test func aNoteGoesWithAJobOnLightning() async throws {
        let (house, provider) = try await RemoteJobTests.house()
        var card = PlannerTests.card("x", endpoint: RemoteJobTests.endpoint)
        card.provider = provider.publicKey
        card.createdAt = WallClock.system.seconds
        card.expiresAt = card.createdAt + 600
        card.models[0].price = UnitPrice(asset: Self.msat, prompt: 1, completion: 2)
        let event = try provider.sign(card.template)
        house.script.withLock { $0.cards = [event] }
        try await house.start { $0.aggregator.pay = [Self.msat.rawValue] }
        let reply = try await house.submit(seen: Seen())
        #expect(reply.record.asset == Self.msat)
        let (promises, sealed) = house.script.withLock { ($0.promises, $0.sealed) }
        #expect(promises.count == 1 && promises[0].payTo == nil && promises[0].asset == Self.msat)
        #expect(sealed.map(\.payment) == ["voucher-1"])
        await house.stop()
    }
}
