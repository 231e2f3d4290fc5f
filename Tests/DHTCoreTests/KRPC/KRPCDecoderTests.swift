// Proves that packets that are almost right are refused with the right error, and hopeless ones without a word.

import DHTCore
import DHTSimulation
import NodeModel
import Testing

@Suite struct KRPCDecoderTests {
    private func decode(_ text: String) -> KRPCPacket { KRPCDecoder.decode(Array(text.utf8)[...]) }

    private static let id = "2:id20:abcdefghij0123456789"

    @Test(arguments: [
        ("d1:ad\(id)e1:q4:pong1:t2:aa1:y1:qe", KRPCError.Code.methodUnknown),
        ("d1:ad\(id)e1:qi1e1:t2:aa1:y1:qe", .methodUnknown),
        ("d1:ade1:q4:ping1:t2:aa1:y1:qe", .protocolError),
        ("d1:ad2:id19:abcdefghij012345678e1:q4:ping1:t2:aa1:y1:qe", .protocolError),
        ("d1:q4:ping1:t2:aa1:y1:qe", .protocolError),
        ("d1:ad\(id)e1:q9:find_node1:t2:aa1:y1:qe", .protocolError),
        ("d1:ad\(id)6:target3:abce1:q9:find_node1:t2:aa1:y1:qe", .protocolError),
        (
            "d1:ad\(id)9:info_hash20:mnopqrstuvwxyz1234564:porti0e5:token1:xe1:q13:announce_peer1:t2:aa1:y1:qe",
            .protocolError
        ),
        (
            "d1:ad\(id)9:info_hash20:mnopqrstuvwxyz1234564:porti65536e5:token1:xe1:q13:announce_peer1:t2:aa1:y1:qe",
            .protocolError
        ),
        (
            "d1:ad\(id)9:info_hash20:mnopqrstuvwxyz1234564:porti1ee1:q13:announce_peer1:t2:aa1:y1:qe",
            .protocolError
        ),
        ("d1:ad\(id)1:ni256e6:target20:mnopqrstuvwxyz123456e1:q8:inf_find1:t2:aa1:y1:qe", .protocolError),
        ("d1:ad\(id)1:ni-1e6:target20:mnopqrstuvwxyz123456e1:q8:inf_find1:t2:aa1:y1:qe", .protocolError),
        ("d1:ad\(id)6:target20:mnopqrstuvwxyz123456e1:q8:inf_find1:t2:aa1:y1:qe", .protocolError),
        ("d1:ad\(id)6:target20:mnopqrstuvwxyz1234565:token1:xe1:q7:inf_put1:t2:aa1:y1:qe", .protocolError),
        ("d1:ad\(id)1:k3:abc1:n8:12345678e1:q8:inf_stat1:t2:aa1:y1:qe", .protocolError),
        (
            "d1:ad\(id)1:k32:abcdefghijabcdefghijabcdefghijab1:n7:1234567e1:q8:inf_stat1:t2:aa1:y1:qe",
            .protocolError
        ),
    ])
    func badQueriesGetAnError(_ text: String, _ code: KRPCError.Code) {
        guard case .badQuery(let transaction, let error) = decode(text) else {
            Issue.record("not refused: \(decode(text))")
            return
        }
        #expect(error.code == code)
        #expect(transaction == Array("aa".utf8))
    }

    @Test func hopelessPacketsAreDropped() {
        let long = String(repeating: "t", count: 21)
        #expect(decode("hello") == .garbage(.bencode(.unexpectedByte)))
        #expect(decode("d1:y1:qe") == .garbage(.transaction))
        #expect(decode("d1:t0:1:y1:qe") == .garbage(.transaction))
        #expect(decode("d1:t21:\(long)1:y1:qe") == .garbage(.transaction))
        #expect(decode("d1:t2:aa1:y1:xe") == .garbage(.kind))
        #expect(decode("d1:t2:aae") == .garbage(.kind))
        #expect(decode("i1e") == .garbage(.transaction))
        #expect(decode("d1:rde1:t2:aa1:y1:re") == .garbage(.reply))
        #expect(decode("d1:eli201ee1:t2:aa1:y1:ee") == .garbage(.reply))
    }

    @Test func ourOwnQueriesSurviveTheJourney() throws {
        var random = DHTRandom(seed: 5)
        let (me, target) = (NodeID.random(using: &random), NodeID.random(using: &random))
        let card = try #require(CardRecord(TestCards.fake(1, created: 1_800_000_000)))
        let calls: [KRPCQuery.Call] = [
            .ping, .findNode(target: target), .getPeers(infoHash: target),
            .announcePeer(infoHash: target, port: nil, token: [1]),
            .infFind(InfFind(target: target, limit: 3)),
            .infFind(InfFind(target: target, limit: 0, offset: 7, seed: -5, token: [9, 9])),
            .infPut(target: target, token: [1, 2, 3], card: card.encoded),
            .infBye(token: nil, cardsOnly: false),
            .infBye(token: [4], cardsOnly: true),
            .infStat(InfStat(provider: card.event.pubkey, challenge: [1, 2, 3, 4, 5, 6, 7, 8])),
            .evidence(.put(token: [1], evidence: card.encoded)),
            .evidence(
                .get(
                    subject: card.event.pubkey,
                    ids: [[UInt8](repeating: 1, count: 32), [UInt8](repeating: 2, count: 32)], token: [5])),
            .evidence(.sync(subject: card.event.pubkey, message: [0x61, 0, 2, 0], token: [5])),
        ]
        for call in calls {
            let message = KRPCMessage(
                transaction: [0, 1, 2, 3], body: .query(KRPCQuery(sender: me, call: call)), readOnly: true)
            #expect(KRPCDecoder.decode(message.encoded()[...]) == .message(message))
        }
    }

    @Test(arguments: [
        130, 141, 142, 143, 200, 230, 231, 232, 233, 234, 235, 360, 800, 1130, 1131, 1132, 1133, 1134, 1200,
    ])
    func paddingReachesTheSizeAskedFor(_ size: Int) throws {
        var random = DHTRandom(seed: 5)
        let find = InfFind(target: NodeID.random(using: &random), limit: 3, seed: 12345, size: size)
        let message = KRPCMessage(
            transaction: [0, 1, 2, 3],
            body: .query(KRPCQuery(sender: NodeID.random(using: &random), call: .infFind(find))))
        // Where the pad's own length prefix grows by a digit, one size in ten cannot be met to the byte.
        #expect((size - 1...size + 8).contains(message.encoded().count))
        guard case .message = KRPCDecoder.decode(message.encoded()[...]) else {
            Issue.record("padded query does not decode")
            return
        }
    }
}
