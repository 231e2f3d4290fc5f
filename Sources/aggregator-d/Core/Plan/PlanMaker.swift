// Gathers what a plan depends on, and asks the network only when the plan could need it.
// It must never decide: that is Planner's.

import IPC
import Interfaces
import NodeModel
import Wire

/// When the network is asked for a plan.
enum Asking: Sendable {
    /// Where this node alone cannot do it, unless it was searched a moment ago.
    case whenUnknown
    /// Where this node alone cannot do it.
    case whenNeeded
    /// Also where it can, to explain the alternatives.
    case always
}

extension Workplace {
    /// Plans a job.
    func plan(model: String, pin: PublicKey?, trace: String?, seed: UInt64, asking: Asking) async throws
        -> Plan
    {
        let own = try await surroundings.identity(trace: trace)
        var local = await surroundings.remembered()
        // Never a refusal from memory: a model may have come, or been mended, or Docker, since the view was taken.
        let known = local.entry(model)
        if local.obstacle != nil || known.map({ local.problem(of: $0) != nil }) ?? true {
            local = await surroundings.local(maximumAgeMs: 0)
        }
        let input = PlanInput(
            model: model, own: own, pin: pin, local: local, found: nil, failures: [:], assets: payment,
            seed: seed)
        guard asking == .always || Planner.needsNetwork(input) else { return Planner.plan(input) }
        let search = Search(model: model.lowercased(), pin: pin, own: own, isOpen: asking == .always)
        if asking == .whenUnknown, let known = remembered(search) {
            var plan = await plan(input, known, trace: trace)
            // Nothing is refused from memory.
            if plan.candidates.contains(where: { if case .provider = $0 { true } else { false } }) {
                plan.isRemembered = true
                renew(search)
                return plan
            }
        }
        return await plan(input, await find(search, trace: trace), trace: trace)
    }

    /// Plans with what was found, after those worth it were asked how they are.
    private func plan(_ input: PlanInput, _ found: PlanInput.Found, trace: String?) async -> Plan {
        var input = input
        input.found = found
        let (now, moment) = (clock.seconds, clock.milliseconds())
        for card in found.cards {
            let provider = card.provider
            withBook { book in
                input.failures[provider] = book.failure(provider, now: now).map {
                    "failed \(now - $0.at) s ago (\($0.reason))"
                }
                input.standings[provider] = book.silence(provider, now: now).map {
                    .untold("no answer \(now - $0) s ago")
                }
            }
            input.scores[provider] = score(provider, now: now)
            if let word = withSearches({ $0.standing(of: provider, now: moment) }) {
                input.standings[provider] = word
            }
        }
        let heard = await standings(of: Planner.worthAsking(input), trace: trace)
        input.standings.merge(heard) { $1 }
        input.words = words(of: found.cards, hearing: heard, now: now)
        return Planner.plan(input)
    }

    /// Takes in what providers told of their loads, and gives what that is worth.
    private func words(
        of cards: [ProviderCard], hearing standings: [PublicKey: Standing], now: Int64
    ) -> [PublicKey: LoadWord] {
        withLoadWords { known in
            for case .told(let status, _) in standings.values { known.heard(status, now: now) }
            return cards.reduce(into: [:]) { $0[$1.provider] = known.word(of: $1.provider, now: now) }
        }
    }

    /// How these providers are now. Nobody's silence delays a job by more than the DHT's own deadline.
    private func standings(of cards: [ProviderCard], trace: String?) async -> [PublicKey: Standing] {
        let targets = cards.compactMap { card in
            card.statusAddress.map { DHTInterface.Probe.Target(provider: card.provider, address: $0) }
        }
        // Without an answer the cards have to do.
        guard !targets.isEmpty,
            let reply = try? await links.dht.call(DHTInterface.Probe(targets: targets), trace: trace)
        else { return [:] }
        var standings: [PublicKey: Standing] = [:]
        let now = clock.seconds
        for answer in reply.answers {
            let standing = Standing(answer)
            standings[answer.provider] = standing
            withBook { $0.heard(!standing.isSilent, from: answer.provider, now: now) }
        }
        withSearches { $0.heard(standings, now: clock.milliseconds()) }
        return standings
    }

    /// What is looked for.
    private struct Search: Sendable {
        var model: String
        var pin: PublicKey?
        var own: PublicKey
        /// Whether what this node could not use is wanted, too.
        var isOpen: Bool
    }

    /// What the last search brought, of what still holds.
    private func remembered(_ search: Search) -> PlanInput.Found? {
        let now = clock.milliseconds()
        guard search.pin == nil, let last = withSearches({ $0.last(search.model, now: now) }) else {
            return nil
        }
        let cards = withBook { book in
            last.providers.compactMap { book.card($0) }.filter {
                CardReading.problem($0, now: clock.seconds) == nil
            }
        }
        return PlanInput.Found(cards: cards, leftOut: last.leftOut)
    }

    /// Searches again behind the jobs, when it is time.
    private func renew(_ search: Search) {
        let now = clock.milliseconds()
        guard withSearches({ $0.shouldRenew(search.model, now: now) }) else { return }
        Task { _ = await find(search, trace: nil) }
    }

    /// Cards of a model's providers, each verified here.
    private func find(_ search: Search, trace: String?) async -> PlanInput.Found {
        do {
            var found = try await find(search, search.isOpen ? nil : wish, trace: trace)
            // Nobody with room and in this node's money: then whoever there is, to wait for or to be told of.
            if found.cards.isEmpty, !found.leftOut.isEmpty, !search.isOpen {
                found = try await find(search, nil, trace: trace)
            }
            if search.pin == nil {
                withSearches {
                    $0.brought(
                        search.model, found.cards.map(\.provider), leftOut: found.leftOut,
                        now: clock.milliseconds())
                }
            }
            return found
        } catch {
            withSearches { $0.gaveUp(search.model) }
            return PlanInput.Found(cards: [], leftOut: [], problem: WireError.wrapping(error))
        }
    }

    /// What holders are asked to leave out: who is full, and who wants another money than the only one this node pays.
    private var wish: ProviderFilter {
        let only = payment.count == 1 ? payment.first : nil
        return ProviderFilter(maximumLoad: 14, maximumPrice: only.map { _ in .max }, asset: only)
    }

    private func find(_ search: Search, _ filter: ProviderFilter?, trace: String?) async throws
        -> PlanInput.Found
    {
        // A provider that was named is found by its key, however many offer the model.
        let question = DHTInterface.Find(
            model: search.pin == nil ? search.model : "", provider: search.pin,
            filter: search.pin == nil ? filter : nil)
        let reply = try await links.dht.call(question, trace: trace)
        let now = clock.seconds
        let (cards, leftOut) = CardReading.read(
            Array(reply.cards.prefix(DHTInterface.Find.mostCards)), own: search.own, now: now)
        let vanished = withBook { book in
            book.saw(cards, now: now)
            return book.vanished(search.model, own: search.own, found: cards, now: now)
        }
        return PlanInput.Found(
            cards: cards, leftOut: leftOut + reply.leftOut, vanished: vanished, problem: nil)
    }
}
