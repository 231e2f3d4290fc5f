// `infernetctl reputation [NPUB]`: what this node has seen of other providers, and what that is worth.
// It must never show a score without what it is made of.

import ArgumentParser
import Interfaces
import NodeModel
import Nostr
import Wire

struct Reputation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what this node has seen of other providers itself.",
        discussion: """
            The score is the share of jobs that go well there at least, with 95 % certainty: the 5 % quantile of a Beta \
            distribution. Jobs that went well count half after 30 days, failures after 90. Nobody else's word counts.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "A provider's npub or key in hexadecimal; all known ones without it.")
    var provider: String?
    @Flag(help: "Says how the score comes about.")
    var explain = false
    @Option(name: [.customShort("n"), .long], help: "Most providers that are shown, 1 to 500.")
    var limit = 50

    func validate() throws {
        guard (1...500).contains(limit) else { throw ValidationError("--limit is 1 to 500.") }
        if let provider, PublicKey(npubOrHex: provider) == nil {
            throw ValidationError(
                "'\(provider.prefix(80))' is no npub and no key of 64 hexadecimal characters.")
        }
    }

    func run() async throws {
        let reply = try await global.node.call(
            AggregatorInterface.Reputation(
                provider: provider.flatMap { PublicKey(npubOrHex: $0) }, limit: limit), at: .aggregator)
        let output = global.output
        if global.json { return output.json(reply) }
        guard !reply.standings.isEmpty else {
            return output.line("No job of this node has gone to another one yet.")
        }
        var table = Table([
            ("PROVIDER", .left), ("SCORE", .right), ("WENT WELL", .right), ("FAILED", .right),
            ("LAST", .left),
        ])
        let now = Clock.milliseconds() / 1000
        for each in reply.standings {
            let last = each.lastAt.map { Units.duration(seconds: max(0, now - $0)) + " ago" } ?? "never"
            table.add(
                each.provider.npub, Self.number(each.score), Self.number(each.good), Self.number(each.bad),
                last)
        }
        table.lines(output.style).forEach(output.line)
        if explain { reply.standings.forEach { output.line(Self.explained($0)) } }
    }

    private static func explained(_ each: AggregatorInterface.Reputation.Standing) -> String {
        """
        \(each.provider.npub.prefix(16))…: the 5 % quantile of Beta(1 + 5 × \(number(each.good)), 2 + 15 × \(number(each.bad))) \
        is \(number(each.score)); when providers are compared its price counts \(number(1 / each.worth)) times
        """
    }

    private static func number(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded(.down))
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
