// Proves that `want`, `nodes6`, and addresses of 18 bytes are read and written as BEP 32 has them, and that what is not
// quite that does no harm.

import DHTCore
import Testing

@Suite struct BEP32Tests {
    private static let head = "d1:ad2:id20:abcdefghij0123456789"

    private func query(_ text: String) throws -> KRPCQuery {
        guard case .message(let message) = KRPCDecoder.decode(Array(text.utf8)[...]),
            case .query(let query) = message.body
        else { throw NotAQuery() }
        return query
    }
    private struct NotAQuery: Error {}

    private func id(_ text: String) throws -> NodeID { try #require(NodeID(bytes: Array(text.utf8))) }

    @Test(
        arguments: [
            ("l2:n42:n6e", [.v4, .v6]), ("l2:n4e", [.v4]), ("l2:n6e", [.v6]), ("le", []),
            // Families that nobody knows yet, and what is no flag at all.
            ("l2:n62:n8i6elee", [.v6]),
        ] as [(String, Set<AddressFamily>)])
    func whatIsWantedIsRead(_ want: String, _ families: Set<AddressFamily>) throws {
        for (method, target) in [
            ("find_node", "6:target"), ("get_peers", "9:info_hash"), ("get", "6:target"),
        ] {
            let text =
                "\(Self.head)\(target)20:mnopqrstuvwxyz1234564:want\(want)e1:q\(method.utf8.count):\(method)"
                + "1:t2:aa1:y1:qe"
            #expect(try query(text).want == families, "\(method)")
        }
    }

    @Test func withoutItOrInAnotherFormNothingIsSaid() throws {
        for want in ["", "4:want2:n6", "4:wanti6e"] {
            let text = "\(Self.head)6:target20:mnopqrstuvwxyz123456\(want)e1:q9:find_node1:t2:aa1:y1:qe"
            #expect(try query(text).want == nil)
        }
    }

    @Test func ourOwnQueryIsTheBEPs() throws {
        let call = KRPCQuery.Call.findNode(target: try id("mnopqrstuvwxyz123456"))
        let query = KRPCQuery(sender: try id("abcdefghij0123456789"), call: call, want: [.v6, .v4])
        let packet = KRPCMessage(transaction: Array("aa".utf8), body: .query(query), version: nil).encoded()
        #expect(
            String(decoding: packet, as: UTF8.self)
                == "\(Self.head)6:target20:mnopqrstuvwxyz1234564:wantl2:n42:n6ee1:q9:find_node1:t2:aa1:y1:qe")
    }

    @Test func nodesOfBothFamiliesTravelApart() throws {
        let four = NodeContact(
            id: try id("mnopqrstuvwxyz123456"),
            endpoint: try #require(Endpoint(compact: Array("axje.u".utf8))))
        let six = NodeContact(
            id: try id("abcdefghij0123456789"),
            endpoint: try #require(Endpoint(compact: Array(" bcdefghijklmnopxy".utf8))))
        let text =
            "d2:ip18: bcdefghijklmnopxy1:rd2:id20:abcdefghij01234567895:nodes26:mnopqrstuvwxyz123456axje.u"
            + "6:nodes638:abcdefghij0123456789 bcdefghijklmnopxy6:valuesl18: bcdefghijklmnopxyee1:t2:aa1:y1:re"
        let reply = KRPCReply(sender: six.id, nodes: [four, six], values: [six.endpoint])
        let message = KRPCMessage(
            transaction: Array("aa".utf8), body: .reply(reply), version: nil, observed: six.endpoint)
        #expect(String(decoding: message.encoded(), as: UTF8.self) == text)
        #expect(KRPCDecoder.decode(Array(text.utf8)[...]) == .message(message))
    }

    @Test func aNodeOfIPv4AmongThoseOfIPv6IsPassedOver() throws {
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + Array("axje.u".utf8)
        let good = Array(" bcdefghijklmnopxy".utf8)
        let id = Array("abcdefghij0123456789".utf8)
        let packet =
            Array("d1:rd2:id20:abcdefghij01234567896:nodes676:".utf8) + id + mapped + id + good
            + Array("e1:t2:aa1:y1:re".utf8)
        guard case .message(let message) = KRPCDecoder.decode(packet[...]),
            case .reply(let reply) = message.body
        else {
            Issue.record("refused")
            return
        }
        #expect(reply.nodes.map(\.endpoint) == [Endpoint(compact: good)])
        let short = Array("d1:rd2:id20:abcdefghij01234567896:nodes637:".utf8) + packet[43..<80]
        #expect(KRPCDecoder.decode((short + Array("e1:t2:aa1:y1:re".utf8))[...]) == .garbage(.reply))
    }
}
