// `infernetctl models` and `infernetctl plan MODEL`: what can be asked for, and what would be done.
// It must never promise what the node did not say.

import ArgumentParser
import Interfaces
import NodeModel
import Nostr
import Wire

struct Models: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the models that can be asked for.")

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let reply = try await global.node.call(AggregatorInterface.Models(), at: .aggregator)
        let output = global.output
        if global.json { return output.json(reply) }
        guard !reply.models.isEmpty else {
            return output.error("No model yet. Add one: infernetctl content add FILE.gguf")
        }
        var table = Table([
            ("MODEL", .left), ("WHERE", .left), ("CONTEXT", .right), ("PRICE PER TOKEN", .left),
            ("ROOT", .left),
        ])
        for model in reply.models {
            let others =
                model.providers > 0 ? "\(model.providers) provider\(model.providers == 1 ? "" : "s")" : nil
            let places = [model.local ? "here" : nil, others].compactMap { $0 }.joined(separator: ", ")
            let prices = model.prices.map(Units.price)
            table.add(
                model.name, places, model.context.map(String.init) ?? "-", prices.first ?? "-",
                String(model.root.hex.prefix(16)))
            // Which is the better of two assets only a person can say.
            for other in prices.dropFirst() { table.add("", "", "", other, "") }
        }
        table.lines(output.style).forEach(output.line)
    }
}

struct Plan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what would be done for a model, and why, without doing it.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The model's name or root.")
    var model: String

    func run() async throws {
        let reply = try await global.node.call(AggregatorInterface.Plan(model: model), at: .aggregator)
        let output = global.output
        if global.json { return output.json(reply) }
        output.line(TerminalText.clean(reply.summary))
        for candidate in reply.candidates {
            let who = candidate.provider.map { "\($0.npub) \(candidate.endpoint ?? "")" } ?? "this node"
            let mark = candidate.chosen ? output.style.green("→") : output.style.dim("·")
            output.line(
                "\(mark) \(TerminalText.clean(who))  \(output.style.dim(TerminalText.clean(candidate.reason)))"
            )
        }
    }
}
