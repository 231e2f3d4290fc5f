// The parts of queries and replies that BEP 44 and BEP 51 define.
// It must never take an item whose parts have not the lengths that the BEP gives them.

/// Reads items and samples; a namespace.
enum MainlineDecoder {
    /// The arguments of `put`.
    static func put(_ arguments: BValue, token: [UInt8]) throws(KRPCError) -> KRPCQuery.Call {
        guard let value = arguments.entry("v")?.encoded else { throw KRPCError(.protocolError, "no v") }
        let swap = arguments["cas"]?.integer
        guard arguments["k"] != nil else {
            return .put(MainlineItem(value: Array(value)), swap: swap, token: token)
        }
        guard let proof = proof(arguments) else {
            throw KRPCError(.protocolError, "k, seq and sig go together")
        }
        return .put(MainlineItem(value: Array(value), proof: proof), swap: swap, token: token)
    }

    /// Takes what BEP 44 and BEP 51 add to a reply.
    static func fill(_ reply: inout KRPCReply, _ fields: BValue) {
        if let value = fields.entry("v")?.encoded {
            if let proof = proof(fields) {
                reply.item = MainlineItem(value: Array(value), proof: proof)
            } else if fields["k"] == nil, fields["sig"] == nil {
                reply.item = MainlineItem(value: Array(value))
            }
        }
        if reply.item?.proof == nil { reply.sequence = fields["seq"]?.integer }
        guard let interval = fields["interval"]?.integer, let total = fields["num"]?.integer,
            let bytes = fields["samples"]?.bytes, bytes.count.isMultiple(of: NodeID.byteCount)
        else { return }
        let hashes = stride(from: bytes.startIndex, to: bytes.endIndex, by: NodeID.byteCount)
            .compactMap { NodeID(bytes: bytes[$0..<($0 + NodeID.byteCount)]) }
        reply.sample = InfohashSample(interval: interval, total: total, hashes: hashes)
    }

    private static func proof(_ fields: BValue) -> MainlineItem.Proof? {
        guard let key = fields["k"]?.bytes, key.count == 32, let signature = fields["sig"]?.bytes,
            signature.count == 64, let sequence = fields["seq"]?.integer
        else { return nil }
        return MainlineItem.Proof(
            key: Array(key), salt: fields["salt"]?.bytes.map(Array.init) ?? [], sequence: sequence,
            signature: Array(signature))
    }
}
