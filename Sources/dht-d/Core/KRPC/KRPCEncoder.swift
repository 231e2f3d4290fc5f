// A KRPC message to the bytes of one packet, keys in canonical order.
// It must never write more than one packet holds; what does not fit is decided before, by who builds the message.

import NodeModel

extension KRPCMessage {
    /// The packet's bytes.
    public func encoded() -> [UInt8] {
        switch body {
        case .query(let query):
            let plain = encoded(query, padding: nil)
            guard query.size > plain.count else { return plain }
            // "3:pad" and the pad's own length prefix (one to four digits and a colon) count too.
            let room = query.size - plain.count - 5
            let digits = room > 1004 ? 5 : room > 103 ? 4 : room > 12 ? 3 : 2
            return encoded(query, padding: max(0, room - digits))
        case .reply(let reply): return encoded(reply)
        case .error(let error): return encoded(error)
        }
    }

    private func encoded(_ query: KRPCQuery, padding: Int?) -> [UInt8] {
        var writer = BencodeWriter()
        writer.beginDictionary()
        writer.key("a")
        writer.beginDictionary()
        arguments(query, padding, &writer)
        writer.end()
        writer.key("q")
        writer.text(query.method.rawValue)
        if readOnly {
            writer.key("ro")
            writer.integer(1)
        }
        tail("q", &writer)
        return writer.output
    }

    private func arguments(_ query: KRPCQuery, _ padding: Int?, _ writer: inout BencodeWriter) {
        switch query.call {
        case .ping:
            writer.field("id", query.sender)
        case .findNode(let target):
            writer.field("id", query.sender)
            writer.field("target", target)
            want(query, &writer)
        case .getPeers(let infoHash):
            writer.field("id", query.sender)
            writer.field("info_hash", infoHash)
            want(query, &writer)
        case .announcePeer(let infoHash, let port, let token):
            writer.field("id", query.sender)
            writer.field("implied_port", port == nil ? 1 : 0)
            writer.field("info_hash", infoHash)
            writer.field("port", Int64(port ?? 0))
            writer.field("token", token)
        case .get(let target, let newerThan):
            writer.field("id", query.sender)
            if let newerThan { writer.field("seq", newerThan) }
            writer.field("target", target)
            want(query, &writer)
        case .put(let item, let swap, let token):
            if let swap { writer.field("cas", swap) }
            writer.field("id", query.sender)
            if let proof = item.proof {
                writer.field("k", proof.key)
                if !proof.salt.isEmpty { writer.field("salt", proof.salt) }
                writer.field("seq", proof.sequence)
                writer.field("sig", proof.signature)
            }
            writer.field("token", token)
            writer.key("v")
            writer.raw(item.value)
        case .sampleInfohashes(let target):
            writer.field("id", query.sender)
            writer.field("target", target)
        case .infFind(let find):
            filter(find.filter, &writer)
            writer.field("id", query.sender)
            writer.field("n", Int64(find.limit))
            if find.offset > 0 { writer.field("o", Int64(find.offset)) }
            if let padding { writer.field("pad", [UInt8](repeating: 0, count: padding)) }
            writer.field("target", find.target)
            if let token = find.token { writer.field("token", token) }
            if find.seed != 0 { writer.field("x", find.seed) }
        case .infPut(let target, let token, let card, let depth):
            writer.key("e")
            writer.raw(card)
            writer.field("id", query.sender)
            if depth > 0 { writer.field("sd", Int64(depth)) }
            writer.field("target", target)
            writer.field("token", token)
        case .infBye(let token, let cardsOnly):
            if cardsOnly { writer.field("c", 1) }
            writer.field("id", query.sender)
            if let token { writer.field("token", token) }
        case .infStat(let stat):
            writer.field("id", query.sender)
            writer.field("k", stat.provider.bytes)
            writer.field("n", stat.challenge)
            if let padding { writer.field("pad", [UInt8](repeating: 0, count: padding)) }
        case .evidence(let call): call.write(sender: query.sender, to: &writer)
        case .infDesc(let desc):
            writer.field("id", query.sender)
            writer.field("k", desc.provider.bytes)
            if desc.offset > 0 { writer.field("o", Int64(desc.offset)) }
            if let padding { writer.field("pad", [UInt8](repeating: 0, count: padding)) }
        }
    }

    /// `want`, in the queries that BEP 32 names and in `get`.
    private func want(_ query: KRPCQuery, _ writer: inout BencodeWriter) {
        guard let want = query.want else { return }
        writer.key("want")
        writer.beginList()
        if want.contains(.v4) { writer.text("n4") }
        if want.contains(.v6) { writer.text("n6") }
        writer.end()
    }

    /// `f`, when anything is asked for.
    private func filter(_ filter: ProviderFilter, _ writer: inout BencodeWriter) {
        guard !filter.isEmpty else { return }
        writer.key("f")
        writer.beginDictionary()
        if let asset = filter.asset, filter.maximumPrice != nil {
            writer.key("a")
            writer.text(asset.rawValue)
        }
        if let device = filter.device {
            writer.key("g")
            writer.text(device)
        }
        if let load = filter.maximumLoad { writer.field("l", Int64(load)) }
        if let price = filter.maximumPrice { writer.field("p", price) }
        if let memory = filter.minimumMemoryMiB { writer.field("v", Int64(memory)) }
        writer.end()
    }

    private func encoded(_ reply: KRPCReply) -> [UInt8] {
        var writer = BencodeWriter()
        writer.beginDictionary()
        if let observed { writer.field("ip", observed.compact) }
        writer.key("r")
        writer.beginDictionary()
        if let piece = reply.piece { writer.field("b", piece.bytes) }
        if !reply.cards.isEmpty {
            writer.key("cards")
            writer.beginList()
            for card in reply.cards { if let card { writer.raw(card.encoded) } }
            writer.end()
        }
        if let status = reply.status {
            writer.key("e")
            writer.raw(status.encoded)
        }
        if let piece = reply.piece { writer.field("h", piece.name) }
        writer.field("id", reply.sender)
        if let sample = reply.sample { writer.field("interval", sample.interval) }
        if let proof = reply.item?.proof { writer.field("k", proof.key) }
        if let message = reply.message { writer.field("m", message) }
        let six = reply.nodes.count { $0.endpoint.family == .v6 }
        if six < reply.nodes.count { writer.field("nodes", NodeContact.compact(reply.nodes, .v4)) }
        if six > 0 { writer.field("nodes6", NodeContact.compact(reply.nodes, .v6)) }
        if let matches = reply.matches { writer.field("np", Int64(matches)) }
        if let sample = reply.sample {
            writer.field("num", sample.total)
        }
        if !reply.unwanted.isEmpty {
            writer.key("nx")
            writer.beginDictionary()
            for reason in ProviderFilter.Refusal.onTheWire {
                if let count = reply.unwanted[reason.refusal] { writer.field(reason.letter, Int64(count)) }
            }
            writer.end()
        }
        if let sample = reply.sample {
            writer.field("samples", sample.hashes.flatMap(\.bytes))
        }
        if reply.isCrowded { writer.field("sd", 1) }
        if let sequence = reply.item?.proof?.sequence ?? reply.sequence { writer.field("seq", sequence) }
        if let proof = reply.item?.proof { writer.field("sig", proof.signature) }
        if let token = reply.token { writer.field("token", token) }
        if let item = reply.item {
            writer.key("v")
            writer.raw(item.value)
        }
        if !reply.values.isEmpty {
            writer.key("values")
            writer.beginList()
            for value in reply.values { writer.bytes(value.compact) }
            writer.end()
        }
        if let piece = reply.piece { writer.field("z", Int64(piece.total)) }
        writer.end()
        tail("r", &writer)
        return writer.output
    }

    private func encoded(_ error: KRPCError) -> [UInt8] {
        var writer = BencodeWriter()
        writer.beginDictionary()
        writer.key("e")
        writer.beginList()
        writer.integer(error.code.rawValue)
        writer.text(error.message)
        writer.end()
        tail("e", &writer)
        return writer.output
    }

    private func tail(_ kind: StaticString, _ writer: inout BencodeWriter) {
        writer.field("t", transaction)
        if let version { writer.field("v", version) }
        writer.key("y")
        writer.key(kind)
        writer.end()
    }
}

extension BencodeWriter {
    fileprivate mutating func field(_ name: StaticString, _ value: NodeID) {
        key(name)
        bytes(value.bytes)
    }
    fileprivate mutating func field(_ name: StaticString, _ value: [UInt8]) {
        key(name)
        bytes(value)
    }
    fileprivate mutating func field(_ name: StaticString, _ value: Int64) {
        key(name)
        integer(value)
    }
}
