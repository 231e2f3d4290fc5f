// Proves what becomes of a card whose provider no longer answers the node that holds it: not handed out after the first
// question without an answer, there again when he is heard, gone after the second.

import DHTCore
import DHTSimulation
import NodeModel
import Testing

@Suite struct SilentSourceTests {
    private let topic = Topic.name("smollm2")
    private let provider = Endpoint(address: 0x1401_0101, port: 6881)
    private let stranger = Endpoint(address: 0x2401_0101, port: 6881)

    /// A holder of one card, six minutes after its provider was last heard.
    private func holder() throws -> TestPeer {
        var peer = TestPeer()
        peer.endpoint = provider
        let event = try TestCards.signed(1, created: peer.now.unixSeconds, lifetime: 1_800)
        #expect(peer.put(event, topic) == 0)
        peer.endpoint = stranger
        peer.pass(milliseconds: 361_000)
        return peer
    }

    /// Lets time pass until the node asks the provider, and gives the question's transaction.
    private func question(_ peer: inout TestPeer) throws -> [UInt8] {
        for _ in 0..<20 {
            peer.pass(milliseconds: 1_000)
            peer.feed(.time)
            for packet in peer.sent where packet.to == provider {
                if case .message(let message) = KRPCDecoder.decode(packet.bytes[...]) {
                    return message.transaction
                }
            }
        }
        throw KRPCError(.protocolError, "the provider was not asked")
    }

    private func silence(_ peer: inout TestPeer) {
        // Longer than any question is waited for, shorter than the pause before the next one to the same node.
        peer.pass(milliseconds: 3_000)
        peer.feed(.time)
    }

    private func cards(_ peer: inout TestPeer) throws -> Int {
        let found = peer.find(topic)
        let reply = try #require(found)
        #expect(reply.matches == reply.cards.count, "what is not handed out is not promised either")
        return reply.cards.count
    }

    @Test func afterOneSilenceTheCardIsNotHandedOut() throws {
        var peer = try holder()
        _ = try question(&peer)
        #expect(try cards(&peer) == 1)
        silence(&peer)
        #expect(try cards(&peer) == 0)
        #expect(peer.node.snapshot(now: peer.now).storedCards == 1)
    }

    @Test func whoAnswersThenIsFoundAgain() throws {
        var peer = try holder()
        _ = try question(&peer)
        silence(&peer)
        let transaction = try question(&peer)
        let answer = KRPCMessage(transaction: transaction, body: .reply(KRPCReply(sender: peer.me)))
        peer.feed(.packet(answer.encoded(), from: provider))
        #expect(try cards(&peer) == 1)
    }

    @Test func afterTwoSilencesTheCardIsGone() throws {
        var peer = try holder()
        for _ in 0..<2 {
            _ = try question(&peer)
            silence(&peer)
        }
        #expect(peer.node.snapshot(now: peer.now).storedCards == 0)
        #expect(try cards(&peer) == 0)
    }
}
