// `infernetctl dht stats`: what this node keeps for the network, and what travelled.
// It must never name a topic that somebody asked for: nobody is to be watched by it.

import ArgumentParser
import Interfaces
import Wire

struct DHT: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dht", abstract: "Looks at this node's part in the network's directory.",
        subcommands: [DHTStats.self])
}

struct DHTStats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Shows what this node keeps for the network, and what travelled.")

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let stats = try await global.node.call(DHTInterface.Stats(), at: .dht)
        let output = global.output
        if global.json { return output.json(stats) }
        Self.lines(stats, output.style).forEach(output.line)
    }

    /// The lines for people.
    static func lines(_ stats: DHTInterface.Stats.Reply, _ style: Style) -> [String] {
        let times = stats.peers.compactMap(\.rttMs).sorted()
        let median = times.isEmpty ? "" : ", median round trip \(times[times.count / 2]) ms"
        var lines = [
            "\(style.bold("id"))        \(stats.id)"
                + (stats.id6.map { $0 == stats.id ? "" : ", over IPv6 \($0)" } ?? ""),
            "\(style.bold("address"))   \(Peers.addresses(stats))",
            "\(style.bold("peers"))     \(stats.goodPeers) good of \(stats.peers.count)"
                + (stats.goodPeers6.map { ", \($0) of them over IPv6" } ?? "") + median,
            "\(style.bold("keeps"))     \(stats.storedCards) cards under \(stats.storedTargets) targets, "
                + "\(stats.storedPeers) peers of torrents",
            "\(style.bold("reach"))     " + (stats.readOnly ? style.yellow(stats.reach) : stats.reach),
            "\(style.bold("announced")) "
                + (stats.announced ? "yes, \(stats.holders) other nodes hold the card" : "no"),
            "\(style.bold("travelled")) \(stats.traffic.queriesIn) queries in, \(stats.traffic.queriesOut) out, "
                + "\(stats.traffic.timeouts) unanswered, \(stats.traffic.dropped) packets dropped; "
                + "\(Units.bytes(Int64(stats.traffic.bytesIn))) in, "
                + "\(Units.bytes(Int64(stats.traffic.bytesOut))) out; \(stats.traffic.lookups) lookups",
        ]
        for entrance in stats.entrances {
            lines.append(
                "\(style.bold("entrance"))  \(entrance.address) "
                    + (entrance.reached ? style.green("answers") : style.yellow("does not answer")))
        }
        lines.append(style.dim(TerminalText.clean(stats.reason)))
        return lines
    }
}
