// Proves that a descriptor comes whole from its provider's own node, that nobody is answered with more than he sent, and
// that what is not the provider's is not believed.

import DHTSimulation
import NodeModel
import Nostr
import Testing

@testable import DHTCore

@Suite struct DescriptorTests {
    private static let unix: Int64 = 1_800_000_000

    private func signed(_ number: UInt8, models: Int = 20, created: Int64 = Self.unix) throws -> SignedEvent {
        let key = try TestCards.key(number)
        let full = TestDescriptors.full(key.publicKey, models: models, created: created)
        return try key.sign(try full.template())
    }

    /// Two nodes of which the first has a descriptor, with real signatures.
    private func network(_ event: SignedEvent?, loss: Double = 0) -> VirtualNetwork {
        var options = VirtualNetwork.Options(loss: loss)
        options.verifier = { $0.isGenuine }
        var network = VirtualNetwork(seed: 7, options: options)
        network.add()
        network.add()
        network.feed(0, .command(.keepDescriptor(event)))
        return network
    }

    private func fetch(_ network: inout VirtualNetwork, _ provider: PublicKey) -> DescriptorEnd? {
        let target = StatusTarget(provider: provider, endpoint: network.members[0].endpoint)
        let operation = network.begin(1) { .describe(target, $0) }
        network.run(20_000)
        return network.descriptors[operation]
    }

    @Test(arguments: [0, 1, 20]) func itComesWhole(_ models: Int) throws {
        let event = try signed(1, models: models)
        var network = network(event)
        let before = network.packets
        #expect(fetch(&network, event.pubkey) == .told(event))
        let pieces = (try #require(CardRecord(event)).encoded.count + 999) / 1000
        #expect(network.packets - before <= 2 * (pieces + 1) + 4)
        #expect(models < 20 || pieces >= 6)
    }

    @Test func aLostPacketIsAskedForAgainAndSilenceEnds() throws {
        let event = try signed(1)
        var whole = 0
        for seed in 0..<20 {
            var network = network(event, loss: 0.05)
            network.random = SimulatedRandom(seed: UInt64(seed))
            if fetch(&network, event.pubkey) == .told(event) { whole += 1 }
        }
        #expect(whole >= 15)
        var silent = network(event)
        silent.kill(0)
        #expect(fetch(&silent, event.pubkey) == .silent)
    }

    @Test func aNodeIsAskedForItsOwnOnly() throws {
        let event = try signed(1)
        var network = network(event)
        let stranger = try TestCards.key(2).publicKey
        #expect(fetch(&network, stranger) == .refused(.notHere))
        network.feed(0, .command(.withdraw))
        #expect(fetch(&network, event.pubkey) == .refused(.notHere))
    }

    @Test func whatIsNotADescriptorOfItsAuthorIsNotKept() throws {
        let good = try signed(1)
        let other = try signed(2)
        let forged = SignedEvent(good.template, signature: try #require(Hex.decode(other.sig)))
        let card = try TestCards.signed(1, created: Self.unix)
        for event in [forged, card] {
            var network = network(event)
            #expect(fetch(&network, event.pubkey) == .refused(.notHere))
        }
    }

    @Test func noAnswerIsLargerThanItsQuestion() throws {
        var peer = TestPeer()
        let event = try signed(1)
        peer.feed(.command(.keepDescriptor(event)))
        let size = try #require(CardRecord(event)).encoded.count
        for wanted in [0, 150, 200, 400, 1200] {
            let answer = peer.ask(.infDesc(InfDesc(provider: event.pubkey, offset: 0, size: wanted)))
            #expect(answer.answered <= answer.asked)
            guard case .reply(let reply)? = answer.body, let piece = reply.piece else { continue }
            #expect(piece.total == size && !piece.bytes.isEmpty)
        }
        guard case .error? = peer.ask(.infDesc(InfDesc(provider: event.pubkey, offset: size, size: 400))).body
        else {
            Issue.record("there is nothing behind the end")
            return
        }
    }

    /// What a node that lies could answer to the first question.
    @Test func piecesThatDoNotFitTogetherAreNotBelieved() throws {
        let target = StatusTarget(
            provider: try TestCards.key(1).publicKey, endpoint: Endpoint(address: 0x1401_0101, port: 1))
        func piece(_ name: UInt8, _ total: Int, _ count: Int) -> DescriptorPiece {
            DescriptorPiece(
                name: Array(repeating: name, count: 8), total: total, bytes: Array(repeating: 1, count: count)
            )
        }
        var run = DescriptorRun(operation: 1, target: target)
        #expect(run.take(piece(1, 0, 1)) == .wrong)
        #expect(run.take(piece(1, 9000, 1)) == .wrong)
        #expect(run.take(piece(1, 100, 0)) == .wrong)
        #expect(run.take(piece(1, 100, 101)) == .wrong)
        #expect(run.take(piece(1, 100, 40)) == .more)
        #expect(run.take(piece(2, 100, 40)) == .again)
        #expect(run.bytes.isEmpty && run.failures == 1)
        #expect(run.take(piece(2, 100, 60)) == .more)
        #expect(run.take(piece(2, 100, 40)) == .whole)
        var slow = DescriptorRun(operation: 1, target: target)
        var steps: [DescriptorRun.Step] = []
        for _ in 0..<40 { steps.append(slow.take(piece(1, 8192, 1))) }
        #expect(steps.prefix(32).allSatisfy { $0 == .more } && steps[32] == .wrong)
    }
}
