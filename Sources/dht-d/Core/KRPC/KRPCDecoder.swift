// Bytes of a packet to a KRPC message, or to the reason why it is none.
// It must never trust a field's type, length or range, and never do more work than the packet's size warrants.

import NodeModel

/// What a packet turned out to be.
public enum KRPCPacket: Equatable, Sendable {
    /// A message that makes sense.
    case message(KRPCMessage)
    /// A query that deserves an error reply: the transaction is known, the rest is not acceptable.
    case badQuery(transaction: [UInt8], KRPCError)
    /// Nothing to answer: no bencode, or no KRPC.
    case garbage(GarbageReason)

    /// Why a packet is dropped without a word.
    public enum GarbageReason: Equatable, Sendable {
        /// Not canonical bencode.
        case bencode(BencodeError)
        /// No usable transaction id.
        case transaction
        /// `y` is not `q`, `r` or `e`.
        case kind
        /// A reply or error without its required fields.
        case reply
    }
}

/// The decoder; a namespace, as it has no state.
public enum KRPCDecoder {
    /// Reads one packet.
    public static func decode(_ packet: ArraySlice<UInt8>) -> KRPCPacket {
        let root: BValue
        do {
            root = try BencodeDecoder.decode(packet)
        } catch {
            return .garbage(.bencode(error))
        }
        guard let transaction = root["t"]?.bytes, !transaction.isEmpty,
            transaction.count <= KRPCMessage.maximumTransaction
        else { return .garbage(.transaction) }
        let body: KRPCMessage.Body
        switch root["y"]?.bytes.map(Array.init) {
        case [UInt8(ascii: "q")]:
            do {
                body = .query(try query(root))
            } catch {
                return .badQuery(transaction: Array(transaction), error)
            }
        case [UInt8(ascii: "r")]:
            guard let reply = reply(root) else { return .garbage(.reply) }
            body = .reply(reply)
        case [UInt8(ascii: "e")]:
            guard let error = error(root) else { return .garbage(.reply) }
            body = .error(error)
        default:
            return .garbage(.kind)
        }
        return .message(
            KRPCMessage(
                transaction: Array(transaction), body: body,
                version: root["v"]?.bytes.map { Array($0.prefix(8)) },
                readOnly: root["ro"]?.integer == 1,
                observed: root["ip"]?.bytes.flatMap(Endpoint.init(compact:))))
    }

    private static func query(_ root: BValue) throws(KRPCError) -> KRPCQuery {
        guard let name = root["q"]?.bytes,
            let method = KRPCMethod(rawValue: String(decoding: name, as: UTF8.self))
        else { throw .unknownMethod }
        guard let arguments = root["a"], let sender = arguments["id"]?.bytes.flatMap(NodeID.init(bytes:))
        else {
            throw KRPCError(.protocolError, "no valid id")
        }
        return KRPCQuery(
            sender: sender, call: try call(method, arguments), want: arguments["want"].flatMap(want))
    }

    /// What is no list is passed over, as in a query without it; so are families that nobody knows yet.
    private static func want(_ value: BValue) -> Set<AddressFamily>? {
        guard let list = value.list else { return nil }
        return Set(
            list.prefix(8).compactMap { flag in
                switch flag.bytes.map({ String(decoding: $0, as: UTF8.self) }) {
                case "n4": .v4
                case "n6": .v6
                default: nil
                }
            })
    }

    private static func call(_ method: KRPCMethod, _ arguments: BValue) throws(KRPCError) -> KRPCQuery.Call {
        switch method {
        case .ping: return .ping
        case .findNode: return .findNode(target: try id("target", arguments))
        case .getPeers: return .getPeers(infoHash: try id("info_hash", arguments))
        case .announcePeer:
            let implied = arguments["implied_port"]?.integer.map { $0 != 0 } ?? false
            let port = arguments["port"]?.integer.flatMap { UInt16(exactly: $0) }
            guard implied || (port ?? 0) != 0 else { throw KRPCError(.protocolError, "no valid port") }
            return .announcePeer(
                infoHash: try id("info_hash", arguments), port: implied ? nil : port,
                token: try token(arguments))
        case .get:
            return .get(target: try id("target", arguments), newerThan: arguments["seq"]?.integer)
        case .put: return try MainlineDecoder.put(arguments, token: try token(arguments))
        case .sampleInfohashes:
            return .sampleInfohashes(target: try id("target", arguments))
        case .infFind:
            guard let limit = arguments["n"]?.integer, (0...255).contains(limit) else {
                throw KRPCError(.protocolError, "n is 0 to 255")
            }
            let offset = arguments["o"]?.integer ?? 0
            guard (0...65_535).contains(offset) else { throw KRPCError(.protocolError, "o is 0 to 65535") }
            return .infFind(
                InfFind(
                    target: try id("target", arguments), limit: Int(limit), offset: Int(offset),
                    seed: arguments["x"]?.integer ?? 0, filter: try filter(arguments["f"]),
                    token: arguments["token"]?.bytes.map(Array.init)))
        case .infPut:
            guard let card = arguments.entry("e")?.encoded else { throw .notACard }
            let depth = arguments["sd"]?.integer ?? 0
            guard (0...Int64(Shelf.deepest)).contains(depth) else {
                throw KRPCError(.protocolError, "sd is 0 to \(Shelf.deepest)")
            }
            return .infPut(
                target: try id("target", arguments), token: try token(arguments), card: Array(card),
                depth: Int(depth))
        case .infBye:
            return .infBye(
                token: arguments["token"]?.bytes.map(Array.init), cardsOnly: arguments["c"]?.integer == 1)
        case .infStat:
            guard let provider = arguments["k"]?.bytes.flatMap({ PublicKey(bytes: Array($0)) }) else {
                throw KRPCError(.protocolError, "k is a key of 32 bytes")
            }
            guard let challenge = arguments["n"]?.bytes, challenge.count == ProviderStatus.challengeBytes
            else { throw KRPCError(.protocolError, "n has \(ProviderStatus.challengeBytes) bytes") }
            return .infStat(InfStat(provider: provider, challenge: Array(challenge)))
        case .infEvidencePut, .infEvidenceGet, .infEvidenceSync:
            return .evidence(try EvidenceCall(method, arguments, token: try token(arguments)))
        case .infDesc:
            guard let provider = arguments["k"]?.bytes.flatMap({ PublicKey(bytes: Array($0)) }) else {
                throw KRPCError(.protocolError, "k is a key of 32 bytes")
            }
            let offset = arguments["o"]?.integer ?? 0
            guard (0..<Int64(ProviderDescriptor.maximumSize)).contains(offset) else {
                throw KRPCError(.protocolError, "o is below \(ProviderDescriptor.maximumSize)")
            }
            return .infDesc(InfDesc(provider: provider, offset: Int(offset)))
        }
    }

    /// What is not known to this version is passed over: who asks looks at the cards himself.
    private static func filter(_ value: BValue?) throws(KRPCError) -> ProviderFilter {
        guard let value else { return ProviderFilter() }
        guard case .dictionary = value else { throw KRPCError(.protocolError, "f is a dictionary") }
        func number(_ name: StaticString) throws(KRPCError) -> Int64? {
            guard let field = value[name] else { return nil }
            guard let number = field.integer, number >= 0 else {
                throw KRPCError(.protocolError, "\(name) in f is a number from 0 on")
            }
            return number
        }
        var filter = ProviderFilter()
        filter.minimumMemoryMiB = try number("v").map { Int($0) }
        filter.maximumLoad = try number("l").map { Int($0) }
        filter.maximumPrice = try number("p")
        if let asset = value["a"]?.bytes, filter.maximumPrice != nil {
            guard asset.count <= 128, let text = String(validating: asset, as: UTF8.self) else {
                throw KRPCError(.protocolError, "a in f is a text of at most 128 bytes")
            }
            filter.asset = Asset(rawValue: text)
        }
        if let device = value["g"]?.bytes {
            guard device.count <= DeviceClass.maximumLength,
                let text = String(validating: device, as: UTF8.self)
            else {
                throw KRPCError(
                    .protocolError, "g in f is a text of at most \(DeviceClass.maximumLength) bytes")
            }
            filter.device = text
        }
        return filter
    }

    private static func id(_ name: StaticString, _ arguments: BValue) throws(KRPCError) -> NodeID {
        guard let id = arguments[name]?.bytes.flatMap(NodeID.init(bytes:)) else {
            throw KRPCError(.protocolError, "no valid \(name)")
        }
        return id
    }

    private static func token(_ arguments: BValue) throws(KRPCError) -> [UInt8] {
        guard let token = arguments["token"]?.bytes, !token.isEmpty, token.count <= 64 else {
            throw .badToken
        }
        return Array(token)
    }

    private static func reply(_ root: BValue) -> KRPCReply? {
        guard let fields = root["r"], let sender = fields["id"]?.bytes.flatMap(NodeID.init(bytes:)) else {
            return nil
        }
        var reply = KRPCReply(sender: sender)
        for (name, family) in [("nodes", .v4), ("nodes6", .v6)] as [(StaticString, AddressFamily)] {
            guard let nodes = fields[name]?.bytes else { continue }
            guard let contacts = NodeContact.list(compact: nodes, family) else { return nil }
            reply.nodes += contacts
        }
        if let token = fields["token"]?.bytes, !token.isEmpty, token.count <= 64 {
            reply.token = Array(token)
        }
        reply.values = fields["values"]?.list?.compactMap { $0.bytes.flatMap(Endpoint.init(compact:)) } ?? []
        reply.cards = fields["cards"]?.list?.map(CardRecord.init(decoding:)) ?? []
        reply.status = fields["e"].flatMap(CardRecord.init(decoding:))
        reply.message = fields["m"]?.bytes.map(Array.init)
        if let bytes = fields["b"]?.bytes, let total = fields["z"]?.integer.flatMap({ Int(exactly: $0) }),
            let name = fields["h"]?.bytes, name.count == DescriptorPiece.nameCount
        {
            reply.piece = DescriptorPiece(name: Array(name), total: total, bytes: Array(bytes))
        }
        MainlineDecoder.fill(&reply, fields)
        reply.matches = fields["np"]?.integer.flatMap { (0...65_535).contains($0) ? Int($0) : nil }
        reply.isCrowded = fields["sd"]?.integer == 1
        for reason in ProviderFilter.Refusal.onTheWire {
            let count = fields["nx"]?[reason.letter]?.integer
            reply.unwanted[reason.refusal] = count.flatMap { (1...65_535).contains($0) ? Int($0) : nil }
        }
        return reply
    }

    private static func error(_ root: BValue) -> KRPCError? {
        guard let parts = root["e"]?.list, parts.count >= 2, let code = parts[0].integer,
            let text = parts[1].bytes
        else { return nil }
        return KRPCError(
            KRPCError.Code(rawValue: code), String(decoding: text.prefix(120), as: UTF8.self))
    }
}
