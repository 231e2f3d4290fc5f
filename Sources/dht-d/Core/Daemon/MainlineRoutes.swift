// The methods by which the owner uses Mainline, between their hexadecimal words and the core's values.
// It must never hand the core what has not the length that the BEP gives it.

import IPC
import Interfaces
import NodeModel
import Wire

/// Serves `dht.get_peers`, `dht.announce_peer`, `dht.get_item`, `dht.put_item`.
struct MainlineRoutes: Sendable {
    /// The running node, or the reason why there is none.
    let shell: @Sendable () throws -> DHTShell

    func add(to router: inout Router) {
        router.on(DHTInterface.GetPeers.self) { request, _ in
            let report = try await shell().mainline(.peers(try Self.id(request.infoHash)))
            return DHTInterface.GetPeers.Reply(
                peers: report.peers.map(\.description), answered: report.answered)
        }
        router.on(DHTInterface.AnnouncePeer.self) { request, _ in
            guard let port = UInt16(exactly: request.port) else {
                throw WireError(
                    .invalidParams, "\(request.port) is no port.", fix: "Name one from 0 to 65535.")
            }
            let hash = try Self.id(request.infoHash)
            return try await store(.announce(hash, port: port == 0 ? nil : port), under: hash)
        }
        router.on(DHTInterface.GetItem.self) { request, _ in
            let wish: MainlineWish
            if let key = request.key {
                wish = .mutable(
                    key: try Self.bytes(key, 32, "key"), salt: try Self.salt(request.salt))
            } else {
                wish = .item(try Self.id(request.target))
            }
            let report = try await shell().mainline(wish)
            return DHTInterface.GetItem.Reply(
                item: report.item.map(Self.worded), answered: report.answered)
        }
        router.on(DHTInterface.PutItem.self) { request, _ in
            let item = try Self.item(request.item)
            return try await store(.store(item, swap: nil), under: item.target)
        }
    }

    private func store(_ wish: MainlineWish, under target: NodeID) async throws -> DHTInterface.Stored {
        let report = try await shell().mainline(wish)
        return DHTInterface.Stored(
            target: target.description, stored: report.stored,
            refusals: report.refusals.map { "\($0.key.code.rawValue) \($0.key.message): \($0.value)" }
                .sorted())
    }

    private static func worded(_ item: MainlineItem) -> DHTInterface.Item {
        let proof = item.proof
        return DHTInterface.Item(
            value: Hex.encode(item.value), key: proof.map { Hex.encode($0.key) },
            salt: proof.map { Hex.encode($0.salt) }, seq: proof?.sequence,
            sig: proof.map { Hex.encode($0.signature) })
    }

    private static func item(_ words: DHTInterface.Item) throws -> MainlineItem {
        guard let value = Hex.decode(words.value), (try? BencodeDecoder.decode(value[...])) != nil,
            value.count <= MainlineItem.maximumValue
        else {
            throw WireError(
                .invalidParams, "The value is no bencode of at most 1000 bytes.",
                fix: "Give hexadecimal bencode.")
        }
        guard let key = words.key else { return MainlineItem(value: value) }
        guard let sequence = words.seq, let signature = words.sig else {
            throw WireError(.invalidParams, "A mutable item needs key, seq and sig.", fix: "Sign the item.")
        }
        let item = MainlineItem(
            value: value,
            proof: .init(
                key: try bytes(key, 32, "key"), salt: try salt(words.salt), sequence: sequence,
                signature: try bytes(signature, 64, "sig")))
        guard item.isGenuine else { throw WireError(.verificationFailed, "The item's signature is wrong.") }
        return item
    }

    private static func salt(_ text: String?) throws -> [UInt8] {
        guard let salt = Hex.decode(text ?? ""), salt.count <= MainlineItem.maximumSalt else {
            throw WireError(
                .invalidParams, "The salt is no hexadecimal text of at most 64 bytes.", fix: "Shorten it.")
        }
        return salt
    }

    private static func bytes(_ text: String, _ count: Int, _ name: String) throws -> [UInt8] {
        guard let bytes = Hex.decode(text, count: count) else {
            throw WireError(
                .invalidParams, "'\(name)' is not \(count) bytes.",
                fix: "Give \(2 * count) hexadecimal digits.")
        }
        return bytes
    }

    private static func id(_ text: String) throws -> NodeID {
        guard let bytes = Hex.decode(text, count: NodeID.byteCount), let id = NodeID(bytes: bytes) else {
            throw WireError(
                .invalidParams, "'\(text.prefix(80))' is no hash.",
                fix: "A hash has 40 hexadecimal characters.")
        }
        return id
    }
}
