// `infernetctl peers`: the network as this node sees it.
// It must never call an address a friend: these are only who answered.

import ArgumentParser
import Interfaces
import Nostr
import Wire

struct Peers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the nodes that this one knows and talks to.")

    private struct Document: Encodable {
        var network: DHTInterface.Stats.Reply
        var connections: WSInterface.Sessions.Reply
    }

    @OptionGroup var global: GlobalOptions

    /// Where others see this node, in both networks that it may live in.
    static func addresses(_ stats: DHTInterface.Stats.Reply) -> String {
        let known = [stats.address, stats.address6 == stats.address ? nil : stats.address6].compactMap(\.self)
        return known.isEmpty ? "no address" : known.map(TerminalText.clean).joined(separator: " and ")
    }

    func run() async throws {
        let node = global.node
        async let network = node.call(DHTInterface.Stats(), at: .dht)
        async let connections = node.call(WSInterface.Sessions(), at: .ws)
        let (stats, sessions) = try await (network, connections)
        let output = global.output
        if global.json { return output.json(Document(network: stats, connections: sessions)) }
        output.line(
            "\(output.style.bold(Self.addresses(stats)))  \(TerminalText.clean(stats.reason)), "
                + "\(stats.storedCards) cards stored, this node is \(stats.announced ? "" : "not ")announced")
        if !stats.peers.isEmpty {
            var table = Table([("ADDRESS", .left), ("STATE", .left), ("RTT", .right), ("ID", .left)])
            for peer in stats.peers {
                table.add(
                    peer.address, peer.good ? "good" : "silent", peer.rttMs.map { "\($0) ms" } ?? "-", peer.id
                )
            }
            output.line("")
            table.lines(output.style).forEach(output.line)
        }
        guard !sessions.sessions.isEmpty else {
            return output.line("\nno connection to another node at the moment")
        }
        var table = Table([("CONNECTED", .left), ("BY", .left), ("SINCE", .left), ("KEY", .left)])
        for session in sessions.sessions {
            table.add(
                session.address, session.outbound ? "us" : "them", Units.time(session.since),
                session.peer.npub)
        }
        output.line("")
        table.lines(output.style).forEach(output.line)
    }
}
