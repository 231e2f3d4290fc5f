// How a node answers about evidence. It must never do so without a token: each of the answers is larger than its question.

import NodeModel

extension DHTNode {
    /// Answers a query about evidence.
    mutating func answer(
        _ call: EvidenceCall, _ message: KRPCMessage, from source: Endpoint, _ now: Moment
    ) throws(KRPCError) -> KRPCReply {
        guard tokens.isValid(call.token, for: source) else { throw .badToken }
        var reply = KRPCReply(sender: sides[source.family].id)
        switch call {
        case .put(_, let bytes):
            do throws(KRPCError) {
                if try keep(bytes, from: source, now) { actions.append(.kept(bytes)) }
            } catch {
                if error == .forged {
                    limiter?.charge(source, DHTConfiguration.forgeryPrice, now: now.milliseconds)
                }
                throw error
            }
        case .get(let subject, let ids, _):
            var room = KRPCMessage.maximumPacket - wrap(reply, message, source).encoded().count - 9
            for piece in desk.store.pieces(ids, on: subject) {
                guard piece.encoded.count <= room else { break }
                room -= piece.encoded.count
                reply.cards.append(piece)
            }
        case .sync(let subject, let text, _):
            guard let answer = EvidenceSync.answer(text, holding: desk.store.items(on: subject)) else {
                throw .badReconciliation
            }
            reply.message = answer
            // One byte says that both hold the same. Else the asker has something that we lack, perhaps.
            if answer.count > 1, case .query(let query) = message.body {
                compareBack(subject, with: NodeContact(id: query.sender, endpoint: source), now)
            }
        }
        return reply
    }

    /// Reads a piece of evidence, checks all of it and keeps it.
    @discardableResult
    mutating func keep(
        _ bytes: [UInt8], from source: Endpoint?, about subject: PublicKey? = nil, _ now: Moment
    ) throws(KRPCError) -> Bool {
        var asked = 0
        let check = verifier
        defer { counters.verifications += asked }
        return try desk.store.put(
            bytes, from: source, wanted: subject, own: sides.ids, unixNow: now.unixSeconds
        ) {
            asked += 1
            return check($0)
        }
    }
}
