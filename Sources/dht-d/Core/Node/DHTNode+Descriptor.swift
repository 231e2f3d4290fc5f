// How a node tells all that its provider says of itself, and asks others for the same: `inf_desc`.
// It must never answer with more than it was asked with, nor believe a descriptor that its provider did not sign.

import NodeModel

extension DHTNode {
    /// Keeps this node's own descriptor, or none, for whoever asks.
    mutating func keepDescriptor(_ event: SignedEvent?) {
        descriptor = event.flatMap { CardRecord($0) }.flatMap { record in
            record.encoded.count <= ProviderDescriptor.maximumSize
                && (try? ProviderDescriptor(unproven: record.event)) != nil && verify(record) ? record : nil
        }
    }

    /// The piece from `desc.offset` on that fits into what was sent.
    func described(
        _ desc: InfDesc, _ message: KRPCMessage, _ source: Endpoint, _ size: Int
    ) throws(KRPCError) -> KRPCReply {
        guard let descriptor, descriptor.event.pubkey == desc.provider else { throw .notHere }
        guard desc.offset < descriptor.encoded.count else {
            throw KRPCError(.protocolError, "o is too large")
        }
        var reply = KRPCReply(sender: sides[source.family].id)
        let name = Array((Hex.decode(descriptor.event.id) ?? []).prefix(DescriptorPiece.nameCount))
        reply.piece = DescriptorPiece(name: name, total: descriptor.encoded.count, bytes: [])
        // A length of up to four digits takes three bytes more than that of none.
        let room =
            min(size, KRPCMessage.maximumPacket) - wrap(reply, message, source).encoded().count - 3
        guard room > 0 else { throw KRPCError(.protocolError, "pad the query") }
        reply.piece?.bytes = Array(descriptor.encoded.dropFirst(desc.offset).prefix(room))
        return reply
    }

    /// Asks a provider's own node.
    mutating func describe(_ target: StatusTarget, _ operation: OperationID, _ now: Moment) {
        serial += 1
        descriptorRuns[serial] = DescriptorRun(operation: operation, target: target)
        guard mayAsk(target.endpoint) else {
            return endDescription(serial, .unreachable)
        }
        askPiece(serial, now)
    }

    private mutating func askPiece(_ key: Int, _ now: Moment) {
        guard let run = descriptorRuns[key] else { return }
        ask(
            .infDesc(
                InfDesc(
                    provider: run.target.provider, offset: run.bytes.count, size: KRPCMessage.maximumPacket)),
            run.target.endpoint, expecting: nil, .describe(key), now)
    }

    mutating func pieceCame(_ key: Int, _ piece: DescriptorPiece?, _ now: Moment) {
        guard var run = descriptorRuns[key] else { return }
        guard let piece else { return endDescription(key, .forged) }
        let step = run.take(piece)
        descriptorRuns[key] = run
        switch step {
        case .more: askPiece(key, now)
        case .again: pieceLost(key, now, again: true)
        case .wrong: endDescription(key, .forged)
        case .whole:
            guard let value = try? BencodeDecoder.decode(run.bytes[...], limits: .descriptor),
                let record = CardRecord(decoding: value, written: run.bytes),
                record.event.pubkey == run.target.provider,
                (try? ProviderDescriptor(unproven: record.event)) != nil, verify(record)
            else { return endDescription(key, .forged) }
            endDescription(key, .told(record.event))
        }
    }

    mutating func pieceLost(_ key: Int, _ now: Moment, again: Bool = false) {
        if !again { descriptorRuns[key]?.failures += 1 }
        guard let run = descriptorRuns[key] else { return }
        run.failures < DescriptorRun.patience ? askPiece(key, now) : endDescription(key, .silent)
    }

    mutating func endDescription(_ key: Int, _ end: DescriptorEnd) {
        guard let run = descriptorRuns.removeValue(forKey: key) else { return }
        actions.append(.described(run.operation, end))
    }
}
