// `infernetctl reputation [NPUB]`: what this node thinks of other providers, and what that is made of.
// It must never show a score without what it is made of, nor know a weight by itself: the node tells them.

import ArgumentParser
import Interfaces
import NodeModel
import Nostr
import Wire

struct Reputation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what this node thinks of other providers, and why.",
        discussion: """
            The score is the share of jobs that go well there at least, with 95 % certainty: the 5 % quantile of a Beta \
            distribution. Own jobs count most; others' jobs count as much as their clients are trusted, which they are \
            when this node's own good jobs or its validators lead to them. Jobs that went well count half after 30 days, \
            failures after 90.
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
            ("LAST", .left), ("OTHERS' WORDS", .left),
        ])
        let now = Clock.milliseconds() / 1000
        for each in reply.standings {
            let last = each.lastAt.map { Units.duration(seconds: max(0, now - $0)) + " ago" } ?? "never"
            table.add(
                each.provider.npub, Self.number(each.score), Self.number(each.good), Self.number(each.bad),
                last, Self.words(each))
        }
        table.lines(output.style).forEach(output.line)
        guard explain else { return }
        for each in reply.standings {
            output.line("")
            Self.explained(each, reply.weights).forEach(output.line)
            if let words = each.words, !words.isEmpty {
                var table = Table([
                    ("CLIENT", .left), ("TRUST", .right), ("WENT WELL", .right), ("WRONG", .right),
                ])
                for word in words {
                    table.add(
                        word.rater.npub, Self.number(word.trust), Self.number(word.counts.good),
                        Self.number(word.counts.bad))
                }
                table.lines(output.style).forEach(output.line)
            }
        }
    }

    private static func words(_ each: AggregatorInterface.Reputation.Standing) -> String {
        each.believed + each.ignored == 0 ? "none" : "\(each.believed) count, \(each.ignored) do not"
    }

    static func explained(
        _ each: AggregatorInterface.Reputation.Standing, _ weights: AggregatorInterface.Reputation.Weights
    ) -> [String] {
        func sum(_ side: KeyPath<AggregatorInterface.Reputation.Counts, Double>, own: Double) -> String {
            "\(plain(weights.prior[keyPath: side])) + \(plain(weights.own[keyPath: side])) × \(number(own))"
                + " + \(plain(weights.others[keyPath: side])) × \(number(each.others[keyPath: side]))"
        }
        return [
            "\(each.provider.npub.prefix(16))…: the 5 % quantile of Beta(\(sum(\.good, own: each.good)), "
                + "\(sum(\.bad, own: each.bad))) is \(number(each.score)): to begin with, own jobs, others' jobs.",
            "When providers are compared its price counts \(number(1 / each.worth)) times. "
                + "Of others' words \(each.believed) count and \(each.ignored) do not: nobody whom this node trusts leads to them.",
        ] + checks(each)
    }

    private static func checks(_ each: AggregatorInterface.Reputation.Standing) -> [String] {
        guard !each.checked.isEmpty else {
            return ["None of its answers was checked yet: those that can be are, all of them."]
        }
        return each.checked.map { checked in
            "With model \(checked.model.hex.prefix(16))… \(number(checked.right)) answers in a row were found right: "
                + "\(number(checked.share * 100)) % of the next ones are checked."
        }
    }

    /// A weight as it is: whole, when it is whole.
    private static func plain(_ value: Double) -> String {
        value == value.rounded() ? String(Int(value)) : number(value)
    }

    private static func number(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded(.down))
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
