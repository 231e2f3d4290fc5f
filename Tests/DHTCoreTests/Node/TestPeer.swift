// One node under test and a peer made by hand that talks to it, packet by packet.
// It must never be smarter than a stranger on the network could be.

import DHTCore
import NodeModel

/// A node, the time, and how often it checked a signature.
struct TestPeer {
    var node: DHTNode
    var now = Moment(milliseconds: 1_000_000, unixSeconds: 1_800_000_000)
    let me: NodeID
    var endpoint = Endpoint(address: 0x1401_0101, port: 6881)
    private var transaction: UInt8 = 0
    /// Everything the node did at the last input.
    private(set) var actions: [NodeAction] = []

    init(_ configuration: DHTConfiguration = DHTConfiguration(), seed: UInt64 = 1) {
        var random = DHTRandom(seed: seed)
        node = DHTNode(
            id: NodeID.random(using: &random), configuration: configuration,
            random: DHTRandom(seed: seed + 1),
            now: now)
        me = NodeID.random(using: &random)
    }

    var verifications: Int { node.counters.verifications }

    mutating func pass(milliseconds: Int64) {
        now.milliseconds += milliseconds
        now.unixSeconds += milliseconds / 1000
    }

    mutating func feed(_ input: NodeInput) { actions = node.handle(input, now: now) }

    /// Packets that the node sent at the last input.
    var sent: [(bytes: [UInt8], to: Endpoint)] {
        actions.compactMap { if case .send(let bytes, let to) = $0 { (bytes, to) } else { nil } }
    }

    /// What came of asking providers at the last input.
    var probed: [StatusReport]? {
        actions.lazy.compactMap { if case .probed(_, let reports) = $0 { reports } else { nil } }.first
    }

    /// Asks the node and returns what it answered to this very question, with the size of both packets.
    mutating func ask(
        _ call: KRPCQuery.Call, want: Set<AddressFamily>? = nil, readOnly: Bool = true
    ) -> (body: KRPCMessage.Body?, asked: Int, answered: Int) {
        transaction &+= 1
        let query = KRPCMessage(
            transaction: [0xEE, transaction], body: .query(KRPCQuery(sender: me, call: call, want: want)),
            readOnly: readOnly
        ).encoded()
        feed(.packet(query, from: endpoint))
        for packet in sent where packet.to == endpoint {
            if case .message(let message) = KRPCDecoder.decode(packet.bytes[...]),
                message.transaction == [0xEE, transaction]
            {
                return (message.body, query.count, packet.bytes.count)
            }
        }
        return (nil, query.count, 0)
    }

    mutating func token() -> [UInt8] {
        guard case .reply(let reply)? = ask(.getPeers(infoHash: me)).body else { return [] }
        return reply.token ?? []
    }

    /// Puts a card and returns the error's number, 0 when it was stored, nil when nothing came back.
    mutating func put(_ card: [UInt8], under target: NodeID, token: [UInt8]? = nil) -> Int64? {
        let proof = token ?? self.token()
        switch ask(.infPut(target: target, token: proof, card: card)).body {
        case .reply: return 0
        case .error(let error): return error.code.rawValue
        default: return nil
        }
    }

    mutating func put(_ event: SignedEvent, _ topic: Topic) -> Int64? {
        guard let card = CardRecord(event) else { return nil }
        return put(card.encoded, under: topic.key())
    }

    mutating func find(_ topic: Topic, limit: Int = 8, token: [UInt8]? = nil, size: Int = 800) -> KRPCReply? {
        let call = InfFind(target: topic.key(), limit: limit, token: token, size: size)
        guard case .reply(let reply)? = ask(.infFind(call)).body else { return nil }
        return reply
    }
}
