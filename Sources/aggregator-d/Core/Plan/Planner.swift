// Chooses where a job runs and says why, candidate by candidate. Pure: everything it knows is given to it.
// It must never choose a provider for another content than this node has under the same name.

import Interfaces
import NodeModel
import Wire

/// Everything that a plan depends on.
struct PlanInput: Sendable {
    /// A model's name or root.
    var model: String
    var own: PublicKey
    /// Only this provider, when set.
    var pin: PublicKey?
    var local: LocalView
    /// What was found in the network; nil when nobody was asked.
    var found: Found?
    /// Providers at the back, and why.
    var failures: [PublicKey: String]
    /// How providers are now, of those who were asked.
    var standings: [PublicKey: Standing] = [:]
    /// How likely a job goes well at a provider at least, by own jobs and trusted words; absent when there are none.
    var scores: [PublicKey: Double] = [:]
    /// What their words on their loads are worth; absent where nothing speaks against one.
    var words: [PublicKey: LoadWord] = [:]
    /// In what this node pays, the first it likes best.
    var assets: [Asset] = [.testCredit]
    /// Spreads jobs over equals.
    var seed: UInt64 = 0

    /// An answer of the network.
    struct Found: Sendable {
        var cards: [ProviderCard]
        var leftOut: [String]
        /// Providers of the model whose card still holds, but is not in the network any more.
        var vanished = 0
        /// Why the network could not be asked.
        var problem: WireError?
    }
}

/// What to do about a job.
struct Plan: Sendable {
    /// Best first; empty when there is `failure`.
    var candidates: [Candidate]
    var explained: [AggregatorInterface.Plan.Candidate]
    var summary: String
    var failure: WireError?
    /// Whether it was made from what is remembered of a search.
    var isRemembered = false
}

enum Planner {
    /// Whether the network has to be asked at all.
    static func needsNetwork(_ input: PlanInput) -> Bool {
        if let pin = input.pin { return pin != input.own }
        return input.local.entry(input.model) == nil || input.local.obstacle != nil || !input.local.hasRoom
    }

    /// Most providers that are asked how they are before one is chosen.
    static let mostAsked = 8

    /// Whom to ask how he is: the best, when there is a choice at all.
    static func worthAsking(_ input: PlanInput) -> [ProviderCard] {
        var draft = Draft(input: input)
        draft.addLocal()
        draft.addProviders()
        guard draft.offers.count > 1 else { return [] }
        let open = draft.offers.map(\.card).filter {
            $0.statusAddress != nil && input.standings[$0.provider] == nil
        }
        return Array(open.prefix(mostAsked))
    }

    /// The plan for a model.
    static func plan(_ input: PlanInput) -> Plan {
        var draft = Draft(input: input)
        draft.addLocal()
        draft.addProviders()
        return draft.finished()
    }
}

/// A plan in the making.
private struct Draft {
    let input: PlanInput
    var here: ContentInterface.Entry?
    var hereLast: ContentInterface.Entry?
    var offers: [Offer] = []
    var notes: [AggregatorInterface.Plan.Candidate] = []
    /// Offers of the model that cannot be used.
    var unusable = 0

    init(input: PlanInput) { self.input = input }

    mutating func addLocal() {
        let entry = input.local.entry(input.model)
        guard input.pin == nil || input.pin == input.own else {
            if entry != nil { note(nil, nil, "not asked for: another provider was named") }
            return
        }
        guard let entry else {
            if case .failure(let error) = input.local.entries {
                note(nil, nil, "content-d cannot be asked: \(error.message)")
            } else {
                note(nil, nil, "the model is not in this node's store")
            }
            return
        }
        if let obstacle = input.local.obstacle {
            note(nil, nil, "the model is here, but: \(obstacle.message)")
        } else if let problem = input.local.hopeless(entry) {
            note(nil, nil, "the model is here, but: \(problem.message)")
        } else if input.local.problem(of: entry) != nil, input.pin == nil {
            // Another try shows whether it still is so; whoever else offers it comes first.
            hereLast = entry
        } else if input.local.hasRoom || input.pin != nil {
            here = entry
        } else {
            hereLast = entry
        }
    }

    mutating func addProviders() {
        guard let found = input.found else { return }
        for reason in found.leftOut { note(nil, nil, "left out: \(reason)") }
        if let problem = found.problem {
            note(nil, nil, "the network could not be asked: \(problem.message)")
        }
        let name = input.model.lowercased()
        let known = input.local.entry(input.model)
        for card in found.cards where card.provider != input.own {
            guard let offer = card.models.first(where: { $0.name == name || $0.root.hex == name }) else {
                continue
            }
            if let reason = refusal(card, offer, known) {
                unusable += 1
                note(card.provider, card.endpoint, reason)
            } else {
                offers.append(Offer(card: card, model: offer))
            }
        }
        keepOneAsset()
        offers = Ranking(input, offers).ordered(offers)
    }

    /// Prices of different assets are not compared: the job is paid in the first that anybody takes.
    private mutating func keepOneAsset() {
        let asset = input.assets.first { asset in offers.contains { $0.model.price.asset == asset } }
        for offer in offers where offer.model.price.asset != asset {
            note(
                offer.card.provider, offer.card.endpoint,
                "wants another asset than others do: \(offer.model.price.asset.rawValue)")
        }
        offers.removeAll { $0.model.price.asset != asset }
    }

    private func refusal(_ card: ProviderCard, _ offer: ModelOffer, _ known: ContentInterface.Entry?)
        -> String?
    {
        if let pin = input.pin, pin != card.provider { return "not asked for: another provider was named" }
        if let known, known.root != offer.root {
            return "offers another content under this name: \(offer.root.hex.prefix(16))"
        }
        let asset = offer.price.asset
        if !input.assets.contains(asset) { return "wants to be paid in \(asset.rawValue)" }
        if asset != .testCredit, !asset.isLightning, card.payTo == nil {
            return "does not say where it is paid"
        }
        if card.slots < 1 { return "has no slot for jobs" }
        return EndpointForm.problem(card.endpoint).map { "has no usable endpoint: \($0)" }
    }

    private mutating func note(_ provider: PublicKey?, _ endpoint: String?, _ reason: String) {
        notes.append(
            AggregatorInterface.Plan.Candidate(
                provider: provider, endpoint: endpoint, chosen: false, reason: reason))
    }

    private func unit(_ asset: Asset) -> String {
        asset == .testCredit ? "micro-credits" : "units of \(asset.rawValue)"
    }

    private func words(_ offer: Offer) -> String {
        let price = offer.model.price
        var text =
            "\(price.prompt)+\(price.completion) \(unit(price.asset)) a token, load \(Ranking.load(offer, input.standings))/15"
        if let score = input.scores[offer.card.provider] {
            text += ", score \(Int((score * 100).rounded()))/100"
        }
        switch input.standings[offer.card.provider] {
        case .told(let status, let milliseconds):
            text += " just now, \(milliseconds) ms away"
            if !status.accepts { text += ", takes no jobs" }
        case .untold(let reason), .unsaid(let reason): text += " by its card; asked now: \(reason)"
        case nil: break
        }
        if let word = input.words[offer.card.provider] {
            if word.isDoubted { text += "; its word on its load is not believed" }
            if word.isFull { text += "; had no place a moment ago" }
        }
        if let failure = input.failures[offer.card.provider] { text += "; at the back: \(failure)" }
        return text
    }

    func finished() -> Plan {
        var candidates: [Candidate] = []
        var explained: [AggregatorInterface.Plan.Candidate] = []
        func add(_ candidate: Candidate, _ provider: PublicKey?, _ endpoint: String?, _ reason: String) {
            explained.append(
                AggregatorInterface.Plan.Candidate(
                    provider: provider, endpoint: endpoint, chosen: candidates.isEmpty, reason: reason))
            candidates.append(candidate)
        }
        if let here { add(.here(here), nil, nil, "the model is in this node's store") }
        for offer in offers { add(.provider(offer), offer.card.provider, offer.card.endpoint, words(offer)) }
        if let hereLast {
            let why =
                input.local.problem(of: hereLast).map(\.message) ?? "all slots are taken: it would wait"
            add(.here(hereLast), nil, nil, "the model is here, but \(why)")
        }
        guard let first = candidates.first else {
            let failure = explainFailure()
            return Plan(candidates: [], explained: notes, summary: failure.message, failure: failure)
        }
        return Plan(
            candidates: candidates, explained: explained + notes, summary: summary(first), failure: nil)
    }

    private func summary(_ first: Candidate) -> String {
        switch first {
        case .here where here != nil: "run here: the model is in this node's store"
        case .here(let entry) where input.local.problem(of: entry) != nil:
            "try here again: no provider offers it"
        case .here: "run here after a wait: no provider has room"
        case .provider(let offer):
            "run at \(offer.card.provider.hex.prefix(16)): the best of \(offers.count) found, \(words(offer))"
        }
    }

    private func explainFailure() -> WireError {
        let model = input.model
        if let pin = input.pin, pin != input.own {
            return WireError(
                .noProvider, "Provider \(pin.hex.prefix(16)) does not offer '\(model)' now\(because).",
                fix: "Ask without naming a provider, or look at 'infernetctl plan \(model)'.")
        }
        if let entry = input.local.entry(model),
            let obstacle = input.local.obstacle ?? input.local.hopeless(entry)
        {
            return WireError(
                .engineUnavailable, "\(obstacle.message) No other node offers '\(model)' either.",
                fix: obstacle.fix,
                retryAfterMs: 5_000, cause: obstacle.cause)
        }
        if case .failure(let error) = input.local.entries, unusable == 0 {
            return WireError(
                .unavailable, "content-d cannot be asked for '\(model)', and no other node offers it.",
                fix: error.fix ?? "Look at 'infernetctl status'.", retryAfterMs: 1_000, cause: error.message)
        }
        if unusable > 0 {
            return WireError(
                .noProvider, "'\(model)' is offered, but by nobody who can be used now\(because).",
                fix: "Try again in a while, or add the model here: 'infernetctl content add FILE'.",
                retryAfterMs: 10_000)
        }
        if let problem = input.found?.problem {
            return WireError(
                .noProvider, "'\(model)' is not here, and the network could not be asked: \(problem.message)",
                fix: problem.fix ?? "Look at 'infernetctl status'.", retryAfterMs: 5_000,
                cause: "\(problem.code)")
        }
        if let vanished = input.found?.vanished, vanished > 0 {
            return WireError(
                .noProvider,
                "'\(model)' was offered until lately, but no node that did so is in the network now.",
                fix: "Try again in a while, or add the model here: 'infernetctl content add FILE'.",
                retryAfterMs: 10_000)
        }
        return WireError(
            .modelNotFound, "Nobody offers the model '\(model)'.",
            fix:
                "See 'infernetctl models' for what there is, or add it: 'infernetctl content add FILE --name \(model)'."
        )
    }

    private var because: String {
        guard let reason = notes.last(where: { $0.provider != nil })?.reason else { return "" }
        return " (\(reason))"
    }
}
