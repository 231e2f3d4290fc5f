// Proves that BEP 5's own example packets are read as they are meant, and that ours are the same to the byte.

import DHTCore
import Testing

@Suite struct KRPCVectorTests {
    private static let queryID = "abcdefghij0123456789"
    private static let replyID = "mnopqrstuvwxyz123456"

    private func id(_ text: String) throws -> NodeID { try #require(NodeID(bytes: Array(text.utf8))) }

    private func decode(_ text: String) -> KRPCPacket { KRPCDecoder.decode(Array(text.utf8)[...]) }

    private func message(_ body: KRPCMessage.Body) -> KRPCMessage {
        KRPCMessage(transaction: Array("aa".utf8), body: body, version: nil)
    }

    private func check(_ text: String, _ body: KRPCMessage.Body) {
        #expect(decode(text) == .message(message(body)))
        #expect(String(decoding: message(body).encoded(), as: UTF8.self) == text)
    }

    @Test func ping() throws {
        check(
            "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe",
            .query(KRPCQuery(sender: try id(Self.queryID), call: .ping)))
        check(
            "d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re", .reply(KRPCReply(sender: try id(Self.replyID)))
        )
    }

    @Test func findNode() throws {
        check(
            "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
            .query(KRPCQuery(sender: try id(Self.queryID), call: .findNode(target: try id(Self.replyID)))))
    }

    @Test func getPeers() throws {
        check(
            "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe",
            .query(KRPCQuery(sender: try id(Self.queryID), call: .getPeers(infoHash: try id(Self.replyID)))))
        let axje = try #require(Endpoint(compact: Array("axje.u".utf8)))
        let idht = try #require(Endpoint(compact: Array("idhtnm".utf8)))
        check(
            "d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re",
            .reply(
                KRPCReply(
                    sender: try id(Self.queryID), token: Array("aoeusnth".utf8), values: [axje, idht])))
    }

    @Test func announcePeer() throws {
        let vector =
            "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz123456"
            + "4:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe"
        // With implied_port the port in the packet means nothing, so it is not kept.
        #expect(
            decode(vector)
                == .message(
                    message(
                        .query(
                            KRPCQuery(
                                sender: try id(Self.queryID),
                                call: .announcePeer(
                                    infoHash: try id(Self.replyID), port: nil, token: Array("aoeusnth".utf8)))
                        ))))
        check(
            vector.replacing("implied_porti1e", with: "implied_porti0e"),
            .query(
                KRPCQuery(
                    sender: try id(Self.queryID),
                    call: .announcePeer(
                        infoHash: try id(Self.replyID), port: 6881, token: Array("aoeusnth".utf8)))))
    }

    @Test func error() {
        check(
            "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee",
            .error(KRPCError(.generic, "A Generic Error Ocurred")))
    }

    /// BEP 5's find_node reply abbreviates its nodes to nine bytes, which are no nodes.
    @Test func abbreviatedNodesAreGarbage() {
        #expect(
            decode("d1:rd2:id20:0123456789abcdefghij5:nodes9:def456...e1:t2:aa1:y1:re") == .garbage(.reply))
    }

    @Test func readOnlyIsRead() throws {
        guard
            case .message(let message) = decode(
                "d1:ad2:id20:abcdefghij0123456789e1:q4:ping2:roi1e1:t2:aa1:v4:LT011:y1:qe")
        else {
            Issue.record("not a message")
            return
        }
        #expect(message.readOnly)
        #expect(message.version == Array("LT01".utf8))
    }
}
