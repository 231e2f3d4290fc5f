// `infernetctl find [MODEL]`: who offers a model or has a device, and who was left out and why.
// It must never show a provider whose card it has not verified itself.

import ArgumentParser
import Interfaces
import NodeModel
import Nostr
import Wire

struct Find: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Searches the network for providers of a model, of a class of GPUs, or of both.",
        discussion: """
            Bounds are judged by the nodes that keep the cards, and again here; reputation by this node alone, as \
            'infernetctl reputation' shows it; free memory by each provider's own node, which is asked how it is now.
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
    @Argument(help: "The model's name or root; may be left out with --gpu.")
    var model: String?
    @Option(help: "The class of the GPU, as nvidia-h200 or 'RTX 4090'.")
    var gpu: String?
    @Option(help: "The least memory for models, in GiB.")
    var vram: Int?
    @Option(help: "The least memory that is free on a GPU now, in GiB.")
    var freeVram: Int?
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
    @Option(name: [.customShort("n"), .long], help: "Most providers that are shown, 1 to 64.")
    var limit = 16

    private static let most = DHTInterface.Find.mostCards

    func validate() throws {
        guard (1...Self.most).contains(limit) else {
            throw ValidationError("--limit is 1 to \(Self.most).")
        }
        guard (0...15).contains(maxLoad ?? 0) else { throw ValidationError("--max-load is 0 to 15.") }
        guard [vram, freeVram].allSatisfy({ (0...1_000_000).contains($0 ?? 0) }) else {
            throw ValidationError("--vram and --free-vram are in GiB, from 0 on.")
        }
        guard model?.isEmpty == false || gpu != nil else {
            throw ValidationError("Name a model, a GPU with --gpu, or both.")
        }
        guard gpu == nil || device != nil else {
            throw ValidationError("--gpu is a class as nvidia-h200, or a name as 'RTX 4090'.")
        }
        guard (0...1).contains(minReputation ?? 0) else {
            throw ValidationError("--min-reputation is 0 to 1.")
        }
        guard (maxPrice ?? 0) >= 0 else { throw ValidationError("--max-price is 0 or more.") }
    }

    /// The class that is searched.
    var device: DeviceClass? { gpu.flatMap { DeviceClass(wish: $0) } }

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

    /// Those with so much free memory; asked from the first on until enough are found.
    private func roomy(
        _ found: [FoundProvider], leastMiB: Int, _ leftOut: inout [String]
    ) async throws -> [FoundProvider] {
        var kept: [FoundProvider] = []
        var counts: [FreeMemoryRefusal: Int] = [:]
        var rest = found[...]
        while kept.count < limit, !rest.isEmpty {
            let some = Array(rest.prefix(Self.askedAtOnce))
            rest = rest.dropFirst(Self.askedAtOnce)
            let targets = some.compactMap { provider in
                provider.card.statusAddress.map {
                    DHTInterface.Probe.Target(provider: provider.card.provider, address: $0)
                }
            }
            let judged = FoundProvider.roomy(some, try await asked(targets), leastMiB: leastMiB)
            kept += judged.kept
            counts.merge(judged.leftOut) { $0 + $1 }
        }
        leftOut += FreeMemoryRefusal.words(counts)
        return kept
    }

    /// What they say. dht-d waits little longer than for the first: the slower ones are asked again while that helps.
    private func asked(_ targets: [DHTInterface.Probe.Target]) async throws -> [DHTInterface.Probe.Answer] {
        var (told, silent): ([DHTInterface.Probe.Answer], [DHTInterface.Probe.Target]) = ([], targets)
        while !silent.isEmpty {
            let answers = try await global.node.call(DHTInterface.Probe(targets: silent), at: .dht).answers
            let new = answers.filter { $0.status != nil }
            if new.isEmpty { break }
            told += new
            silent.removeAll { target in new.contains { $0.provider == target.provider } }
        }
        return told
    }

    /// What dht-d asks at once.
    private static let askedAtOnce = 16

    func run() async throws {
        let filter = filter
        // Nobody but this node knows what it thinks of them, nor what they will say: more are asked for than are shown.
        let wanted = minReputation == nil && freeVram == nil ? limit : min(Self.most, 4 * limit)
        let reply = try await global.node.call(
            DHTInterface.Find(
                model: model ?? "", device: device?.text, limit: wanted,
                filter: filter.isEmpty ? nil : filter), at: .dht)
        let now = Clock.milliseconds() / 1000
        var found = FoundProvider.ranked(
            reply.cards.compactMap { FoundProvider($0, model: model, device: device?.text, now: now) })
        var leftOut = reply.leftOut
        if found.count < reply.cards.count {
            leftOut.append("not a valid card of what is searched: \(reply.cards.count - found.count)")
        }
        if let minReputation {
            let all = found.count
            found = FoundProvider.reputable(try await judged(found), least: minReputation)
            if found.count < all { leftOut.append("less reputation than wanted: \(all - found.count)") }
        }
        if let freeVram { found = try await roomy(found, leastMiB: freeVram * 1024, &leftOut) }
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
            table(found).lines(output.style).forEach(output.line)
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
    private func table(_ found: [FoundProvider]) -> Table {
        var columns: [(String, Table.Alignment)] = [
            ("PROVIDER", .left), ("DEVICE", .left), ("MEMORY", .right),
        ]
        if freeVram != nil { columns.append(("FREE", .right)) }
        columns.append(("LOAD", .right))
        if model == nil { columns.append(("CHEAPEST MODEL", .left)) }
        var table = Table(columns + [("PRICE PER TOKEN", .left), ("ENDPOINT", .left)])
        for provider in found {
            let card = provider.card
            var row = [
                card.provider.npub, card.deviceCount.map { "\($0) × \(card.device)" } ?? card.device,
                Units.bytes(Int64(clamping: card.memoryMiB) << 20),
            ]
            if freeVram != nil { row.append(Units.bytes(Int64(clamping: provider.freeMiB ?? 0) << 20)) }
            row.append("\(card.load)/15")
            if model == nil { row.append(provider.offer.name) }
            table.add((row + [provider.priceText, card.endpoint]).map { Table.Cell($0) })
        }
        return table
    }
}
