// Proves that bounds are judged where cards are kept and again where they are wanted, and that what is left out is said.

import DHTCore
import DHTSimulation
import NodeModel
import Testing

@Suite struct FilterTests {
    private static let unix: Int64 = 1_800_000_000
    private let topic = Topic.name("smollm2")

    private func card(
        _ number: Int, memory: Int = 8192, load: Int = 0, price: Int64 = 30, asset: Asset = .testCredit,
        created: Int64
    ) -> SignedEvent {
        var card = TestCards.card(number, created: created)
        card.memoryMiB = memory
        card.load = load
        card.models[0].price = UnitPrice(asset: asset, prompt: 1, completion: price)
        return TestCards.fakeSigned(card)
    }

    private func network() throws -> VirtualNetwork {
        var network = VirtualNetwork.joined(30, seed: 31, options: .init(loss: 0))
        let now = network.moment.unixSeconds
        let cards = [
            card(0, memory: 8192, load: 2, price: 30, created: now),
            card(1, memory: 24_576, load: 2, price: 30, created: now),
            card(2, memory: 24_576, load: 12, price: 30, created: now),
            card(3, memory: 24_576, load: 2, price: 90, created: now),
            card(4, memory: 24_576, load: 2, price: 3, asset: Asset(rawValue: "other"), created: now),
        ]
        for (index, card) in cards.enumerated() { _ = try network.announce(index, card) }
        return network
    }

    private func find(
        _ network: inout VirtualNetwork, _ filter: ProviderFilter, limit: Int = 16
    ) throws -> FindReport {
        let operation = network.begin(20) { .find(topic, limit: limit, filter: filter, $0) }
        network.run(10_000)
        return try #require(network.finds[operation])
    }

    @Test func eachBoundLeavesOutWhomItShouldAndSaysSo() throws {
        var network = try network()
        #expect(try find(&network, ProviderFilter()).cards.count == 5)
        let memory = try find(&network, ProviderFilter(minimumMemoryMiB: 24_576))
        #expect(memory.cards.count == 4)
        #expect(memory.leftOut == ["less memory than wanted: 1"])
        let load = try find(&network, ProviderFilter(maximumLoad: 8))
        #expect(load.cards.count == 4)
        #expect(load.leftOut == ["more load than wanted: 1"])
        let price = try find(&network, ProviderFilter(maximumPrice: 50))
        #expect(price.cards.count == 3)
        #expect(price.leftOut == ["wants another money: 1", "dearer than wanted: 1"])
        let other = try find(&network, ProviderFilter(maximumPrice: 50, asset: Asset(rawValue: "other")))
        #expect(other.cards.count == 1)
        let all = try find(
            &network, ProviderFilter(minimumMemoryMiB: 24_576, maximumLoad: 8, maximumPrice: 50))
        #expect(all.cards.count == 1)
        #expect(all.unwanted == [.memory: 1, .load: 1, .price: 1, .asset: 1])
        #expect(all.holders >= 2)
    }

    @Test func devicesAreFoundAloneWithAModelAndAsABound() throws {
        var network = VirtualNetwork.joined(30, seed: 32, options: .init(loss: 0))
        let devices = ["nvidia-h200", "nvidia-h200", "nvidia-rtx-4090", "cpu", "nvidia"]
        for (index, device) in devices.enumerated() {
            var card = TestCards.card(index, created: network.moment.unixSeconds)
            card.device = device
            if index == 1 { card.models[0].name = "other" }
            let report = try network.announce(index, TestCards.fakeSigned(card))
            #expect(report.topics.count == (index < 3 ? 5 : 3))
            #expect(report.refusals.isEmpty)
        }
        func found(_ text: String, _ filter: ProviderFilter = ProviderFilter()) throws -> Set<PublicKey> {
            let topic = try #require(Topic(text))
            let operation = network.begin(20) { .find(topic, limit: 16, filter: filter, $0) }
            network.run(10_000)
            return Set(try #require(network.finds[operation]).cards.map(\.pubkey))
        }
        #expect(try found("g/nvidia-h200") == [TestCards.author(0), TestCards.author(1)])
        #expect(try found("mg/nvidia-h200/smollm2") == [TestCards.author(0)])
        #expect(try found("mg/nvidia-rtx-4090/smollm2") == [TestCards.author(2)])
        #expect(try found("g/nvidia-h100").isEmpty)
        #expect(try found("g/nvidia-h200", ProviderFilter(maximumPrice: 29)).isEmpty)
        // A root has no topic with a device: the device is a bound.
        let root = "m/" + TestCards.root("smollm2").hex
        #expect(try found(root, ProviderFilter(device: "nvidia-rtx-4090")) == [TestCards.author(2)])
        let report = try #require(network.finds[network.finds.keys.max() ?? 0])
        #expect(report.leftOut == ["another device than wanted: 4"])
    }

    @Test func noCardOfTheUnwantedTravels() throws {
        var peer = TestPeer()
        for number in UInt8(1)...3 {
            #expect(peer.put(try TestCards.signed(number, created: Self.unix), topic) == 0)
        }
        // All of them have 8192 MiB, load 0, and cost 30.
        let (wanted, unwanted) = (ProviderFilter(maximumPrice: 30), ProviderFilter(maximumPrice: 29))
        func ask(_ filter: ProviderFilter) throws -> KRPCReply {
            let call = InfFind(target: topic.key(), limit: 8, filter: filter, token: peer.token(), size: 800)
            guard case .reply(let reply)? = peer.ask(.infFind(call)).body else { throw Failure() }
            return reply
        }
        #expect(try ask(wanted).matches == 3)
        #expect(try ask(wanted).unwanted.isEmpty)
        let none = try ask(unwanted)
        #expect(none.matches == 0 && none.cards.isEmpty)
        #expect(none.unwanted == [.price: 3])
    }

    private struct Failure: Error {}

    @Test func aHolderThatKeepsToNoBoundIsNotBelieved() throws {
        var peer = TestPeer()
        let liar = NodeContact(id: peer.me, endpoint: peer.endpoint)
        peer.feed(.command(.remember([liar])))
        let good = try #require(CardRecord(try TestCards.signed(1, created: Self.unix)))
        var report: FindReport?
        func answer() throws {
            for packet in peer.sent {
                guard case .message(let message) = KRPCDecoder.decode(packet.bytes[...]),
                    case .query = message.body
                else { continue }
                var reply = KRPCReply(sender: liar.id, token: [1, 2], matches: 1)
                reply.cards = [good]
                let bytes = KRPCMessage(transaction: message.transaction, body: .reply(reply)).encoded()
                peer.feed(.packet(bytes, from: packet.to))
                for case .found(1, let found) in peer.actions { report = found }
            }
        }
        try answer()
        peer.feed(
            .command(.find(topic, limit: 4, filter: ProviderFilter(maximumLoad: 8, maximumPrice: 1), 1)))
        try answer()
        #expect(try #require(report).cards.isEmpty)
        #expect(try #require(report).leftOut == ["dearer than wanted: 1"])
    }

    @Test func boundsSurviveThePacket() {
        let filter = ProviderFilter(
            minimumMemoryMiB: 24_576, maximumLoad: 8, maximumPrice: 20, asset: Asset(rawValue: "test:credit"),
            device: "nvidia-h200")
        var random = DHTRandom(seed: 1)
        let find = InfFind(target: NodeID.random(using: &random), limit: 3, filter: filter)
        let message = KRPCMessage(
            transaction: [1],
            body: .query(KRPCQuery(sender: NodeID.random(using: &random), call: .infFind(find))))
        #expect(KRPCDecoder.decode(message.encoded()[...]) == .message(message))
        var reply = KRPCReply(sender: NodeID.random(using: &random), matches: 1)
        reply.unwanted = [.asset: 1, .load: 2, .price: 3, .memory: 4, .device: 5]
        let answer = KRPCMessage(transaction: [1], body: .reply(reply))
        #expect(KRPCDecoder.decode(answer.encoded()[...]) == .message(answer))
    }

    @Test(arguments: ["f1:x", "fd1:li-1ee", "fd1:v1:xe", "fd1:a1:\u{FF}1:pi1ee", "fd1:g1:\u{FF}e"])
    func malformedBoundsAreRefused(_ field: String) {
        let zeros = String(repeating: "0", count: 20)
        let text = "d1:ad1:\(field)2:id20:\(zeros)1:ni1e6:target20:\(zeros)e1:q8:inf_find1:t1:x1:y1:qe"
        // One byte that is no UTF-8.
        let bytes = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        guard case .badQuery(_, let error) = KRPCDecoder.decode(bytes[...]) else {
            Issue.record("accepted: \(field)")
            return
        }
        #expect(error.code == .protocolError)
    }
}
