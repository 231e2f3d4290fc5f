// `infernetctl find MODEL`: who offers a model, and who was left out and why.
// It must never show a provider whose card it has not verified itself.

import ArgumentParser
import Interfaces
import NodeModel
import Nostr
import Wire

struct Find: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Searches the network for providers of a model.",
        discussion: """
            Bounds are judged by the nodes that keep the cards, and again here; reputation by this node alone, as \
            'infernetctl reputation' shows it.
            """)

    private struct Document: Encodable {
        var providers: [FoundProvider]
        /// In the order of the providers; absent without `--long`.
        var descriptors: [DescriptorView]?
        var asked: Int
        var holders: Int
        var leftOut: [String]
        enum CodingKeys: String, CodingKey {
            case providers, descriptors, asked, holders
            case leftOut = "left_out"
        }
    }

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The model's name or root.")
    var model: String
    @Option(help: "The least memory for models, in GiB.")
    var vram: Int?
    @Option(help: "The highest load, 0 (idle) to 15 (full).")
    var maxLoad: Int?
    @Option(help: "The highest price of a token, in micro-units.")
    var maxPrice: Int64?
    @Option(help: "What prices count in.")
    var asset = Asset.testCredit.rawValue
    @Option(help: "The least reputation, 0 to 1: the share of jobs that go well at least.")
    var minReputation: Double?
    @Flag(help: "Also asks each provider's own node for its descriptor.")
    var long = false
    @Option(name: [.customShort("n"), .long], help: "Most providers that are shown, 1 to 255.")
    var limit = 16

    func validate() throws {
        guard (1...255).contains(limit) else { throw ValidationError("--limit is 1 to 255.") }
        guard (0...15).contains(maxLoad ?? 0) else { throw ValidationError("--max-load is 0 to 15.") }
        guard (0...1_000_000).contains(vram ?? 0) else {
            throw ValidationError("--vram is in GiB, from 0 on.")
        }
        guard (0...1).contains(minReputation ?? 0) else {
            throw ValidationError("--min-reputation is 0 to 1.")
        }
        guard (maxPrice ?? 0) >= 0 else { throw ValidationError("--max-price is 0 or more.") }
    }

    /// The bounds as they are sent.
    var filter: ProviderFilter {
        ProviderFilter(
            minimumMemoryMiB: vram.map { $0 * 1024 }, maximumLoad: maxLoad, maximumPrice: maxPrice,
            asset: maxPrice == nil ? nil : Asset(rawValue: asset))
    }

    /// The same with what this node thinks of each.
    private func judged(_ found: [FoundProvider]) async throws -> [FoundProvider] {
        var judged: [FoundProvider] = []
        for var provider in found {
            let key = provider.card.provider
            provider.reputation =
                try await global.node.call(AggregatorInterface.Reputation(provider: key), at: .aggregator)
                .standings.first { $0.provider == key }?.score
            judged.append(provider)
        }
        return judged
    }

    func run() async throws {
        let filter = filter
        // Nobody but this node knows what it thinks of them: more are asked for than are shown.
        let wanted = minReputation == nil ? limit : min(255, 4 * limit)
        let reply = try await global.node.call(
            DHTInterface.Find(model: model, limit: wanted, filter: filter.isEmpty ? nil : filter), at: .dht)
        let now = Clock.milliseconds() / 1000
        var found = FoundProvider.ranked(
            reply.cards.compactMap { FoundProvider($0, model: model, now: now) })
        var leftOut = reply.leftOut
        if found.count < reply.cards.count {
            leftOut.append("not a valid card of this model: \(reply.cards.count - found.count)")
        }
        if let minReputation {
            let all = found.count
            found = FoundProvider.reputable(try await judged(found), least: minReputation)
            if found.count < all { leftOut.append("less reputation than wanted: \(all - found.count)") }
        }
        found = Array(found.prefix(limit))
        let output = global.output
        var descriptors: [DescriptorView] = []
        if long {
            for provider in found {
                descriptors.append(try await DescriptorView.fetch(provider.card, global.node))
            }
        }
        if global.json {
            return output.json(
                Document(
                    providers: found, descriptors: long ? descriptors : nil, asked: reply.asked,
                    holders: reply.holders, leftOut: leftOut))
        }
        if !found.isEmpty {
            var table = Table([
                ("PROVIDER", .left), ("DEVICE", .left), ("MEMORY", .right), ("LOAD", .right),
                ("PRICE PER TOKEN", .left), ("ENDPOINT", .left),
            ])
            for provider in found {
                table.add(
                    provider.card.provider.npub, provider.card.device,
                    Units.bytes(Int64(clamping: provider.card.memoryMiB) << 20),
                    "\(provider.card.load)/15", provider.priceText, provider.card.endpoint)
            }
            table.lines(output.style).forEach(output.line)
        }
        for (provider, descriptor) in zip(found, descriptors) {
            output.line("\n\(output.style.bold(provider.card.provider.npub))")
            descriptor.lines(output.style).forEach(output.line)
        }
        output.line(
            output.style.dim(
                "\(found.count) found; \(reply.asked) nodes answered, \(reply.holders) of them hold a card of it"
            ))
        for reason in leftOut { output.line(output.style.dim("· \(TerminalText.clean(reason))")) }
    }
}
