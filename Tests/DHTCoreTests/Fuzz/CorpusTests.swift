// Proves that every packet of the fuzzer's corpus, and many broken forms of each, are survived; and writes the
// corpus anew with INFERNET_WRITE_CORPUS=1.

import DHTSimulation
import Foundation
import NodeModel
import Testing

@testable import DHTCore

@Suite struct CorpusTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fuzz/corpus/krpc")

    /// One packet of each shape that the protocol knows, and some that it does not.
    static func seeds() throws -> [String: [UInt8]] {
        var random = DHTRandom(seed: 42)
        let (me, you, target) = (
            NodeID.random(using: &random), NodeID.random(using: &random), NodeID.random(using: &random)
        )
        let card = try #require(CardRecord(TestCards.fake(1, created: 1_800_000_000)))
        let other = try #require(CardRecord(TestCards.fake(2, created: 1_800_000_000)))
        let nodes = (0..<8).map { number in
            NodeContact(
                id: NodeID.random(using: &random),
                endpoint: Endpoint(address: 0x1400_0001 + UInt32(number) << 8, port: 6881))
        }
        func query(
            _ call: KRPCQuery.Call, want: Set<AddressFamily>? = nil, readOnly: Bool = false
        ) -> [UInt8] {
            KRPCMessage(
                transaction: Array("aaaa".utf8), body: .query(KRPCQuery(sender: me, call: call, want: want)),
                readOnly: readOnly
            ).encoded()
        }
        func reply(_ reply: KRPCReply, observed: Endpoint? = nil) -> [UInt8] {
            KRPCMessage(transaction: Array("aaaa".utf8), body: .reply(reply), observed: observed).encoded()
        }
        let token: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
        var out: [String: [UInt8]] = [
            "query-ping": query(.ping), "query-ping-ro": query(.ping, readOnly: true),
            "query-find-node": query(.findNode(target: target)),
            "query-get-peers": query(.getPeers(infoHash: target)),
            "query-announce": query(.announcePeer(infoHash: target, port: 6881, token: token)),
            "query-announce-implied": query(.announcePeer(infoHash: target, port: nil, token: token)),
            "query-find": query(.infFind(InfFind(target: target, limit: 8, seed: 7, size: 400))),
            "query-find-page": query(.infFind(InfFind(target: target, limit: 8, offset: 3, token: token))),
            "query-find-topic": query(
                .infFind(InfFind(target: Topic.topics(of: card.event)[1].key(), limit: 8))),
            "query-put": query(
                .infPut(target: Topic.topics(of: card.event)[1].key(), token: token, card: card.encoded)),
            "query-put-wrong-target": query(.infPut(target: target, token: token, card: card.encoded)),
            "query-put-shard": query(
                .infPut(
                    target: Shelf(Topic.topics(of: card.event)[1], author: card.event.pubkey, depth: 3).key,
                    token: token, card: card.encoded, depth: 3)),
            "query-bye": query(.infBye(token: token, cardsOnly: false)),
            "query-bye-cards": query(.infBye(token: nil, cardsOnly: true)),
            "reply-ping": reply(KRPCReply(sender: you)),
            "reply-nodes": reply(KRPCReply(sender: you, nodes: nodes, token: token)),
            "reply-values": reply(KRPCReply(sender: you, token: token, values: nodes.map(\.endpoint))),
            "reply-cards": reply(
                KRPCReply(
                    sender: you, nodes: Array(nodes.prefix(2)), token: token, cards: [card, other], matches: 9
                ),
                observed: nodes[0].endpoint),
            "reply-matches": reply(KRPCReply(sender: you, nodes: nodes, token: token, matches: 600)),
            "error-203": KRPCMessage(
                transaction: Array("aaaa".utf8), body: .error(KRPCError(.protocolError, "bad token"))
            ).encoded(),
            "card": card.encoded,
        ]
        let proof = MainlineItem.Proof(
            key: Array(repeating: 3, count: 32), salt: [9, 9], sequence: 4,
            signature: Array(repeating: 5, count: 64))
        let item = MainlineItem(value: Array("d1:ali1e2:xyee".utf8), proof: proof)
        out["query-get"] = query(.get(target: target, newerThan: 3))
        out["query-put-item"] = query(.put(MainlineItem(value: item.value), swap: nil, token: token))
        out["query-put-mutable"] = query(.put(item, swap: 3, token: token))
        out["query-sample"] = query(.sampleInfohashes(target: target))
        var answer = KRPCReply(sender: you, nodes: nodes, token: token)
        answer.item = item
        out["reply-item"] = reply(answer)
        answer.item = nil
        var crowded = KRPCReply(sender: you, nodes: nodes, token: token, matches: 300)
        crowded.isCrowded = true
        out["reply-crowded"] = reply(crowded)
        answer.sample = InfohashSample(interval: 300, total: 9, hashes: [me, you])
        out["reply-sample"] = reply(answer)
        let six = nodes.enumerated().compactMap { number, contact in
            IPAddress(v6: 0x2001_0DB8_0000_0001 + UInt64(number) << 16, 1).map {
                NodeContact(id: contact.id, endpoint: Endpoint($0, port: 6881))
            }
        }
        let both: Set<AddressFamily> = [.v4, .v6]
        out["query-want"] = query(.findNode(target: target), want: both)
        out["query-want-peers"] = query(.getPeers(infoHash: target), want: both)
        out["reply-nodes6"] = reply(
            KRPCReply(sender: you, nodes: nodes.prefix(4) + six, token: token), observed: six[0].endpoint)
        out["reply-values6"] = reply(
            KRPCReply(sender: you, token: token, values: (nodes.prefix(3) + six).map(\.endpoint)))
        let provider = TestCards.author(1)
        out["query-desc"] = query(.infDesc(InfDesc(provider: provider, offset: 0, size: 400)))
        out["query-desc-offset"] = query(.infDesc(InfDesc(provider: provider, offset: 300, size: 1200)))
        var described = KRPCReply(sender: you)
        described.piece = DescriptorPiece(
            name: token, total: 900, bytes: Array(repeating: UInt8(ascii: "d"), count: 300))
        out["reply-piece"] = reply(described)
        out["query-unknown"] = Array("d1:ad2:id20:abcdefghij0123456789e1:q4:vote1:t2:aa1:y1:qe".utf8)
        out["bep44-get"] = Array(
            "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q3:get1:t2:aa1:y1:qe".utf8)
        out["deep"] = Array((String(repeating: "l", count: 9) + String(repeating: "e", count: 9)).utf8)
        out["long-claim"] = Array("d1:t2147483647:aa1:y1:qe".utf8)
        out["unsorted"] = Array("d1:y1:q1:t2:aae".utf8)
        out["numbers"] = Array("li0ei-1ei9223372036854775807ei-9223372036854775808ee".utf8)
        return out
    }

    private func survive(_ bytes: [UInt8]) { bytes.withUnsafeBytes { DHTFuzz.packet($0) } }

    @Test func theCorpusOnDiskIsTheCorpusOfThisBuild() throws {
        let seeds = try Self.seeds()
        #expect(seeds.count >= 20)
        if ProcessInfo.processInfo.environment["INFERNET_WRITE_CORPUS"] == "1" {
            try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
            for (name, bytes) in seeds { try Data(bytes).write(to: Self.folder.appendingPathComponent(name)) }
        }
        for (name, bytes) in seeds {
            let stored = try Data(contentsOf: Self.folder.appendingPathComponent(name))
            #expect(Array(stored) == bytes, "\(name): write anew with INFERNET_WRITE_CORPUS=1")
        }
        for file in try FileManager.default.contentsOfDirectory(
            at: Self.folder, includingPropertiesForKeys: nil)
        {
            survive(Array(try Data(contentsOf: file)))
        }
    }

    @Test func brokenFormsOfEveryPacketAreSurvived() throws {
        var random = DHTRandom(seed: 99)
        for (_, seed) in try Self.seeds().sorted(by: { $0.key < $1.key }) {
            for _ in 0..<150 {
                var bytes = seed
                for _ in 0...Int(random.next() % 4) where !bytes.isEmpty {
                    let place = Int(random.next() % UInt64(bytes.count))
                    switch random.next() % 4 {
                    case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                    case 1: bytes.remove(at: place)
                    case 2: bytes.insert(bytes[Int(random.next() % UInt64(bytes.count))], at: place)
                    default: bytes = Array(bytes.prefix(place))
                    }
                }
                survive(bytes)
            }
        }
    }
}
