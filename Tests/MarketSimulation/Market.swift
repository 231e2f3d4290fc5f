// A market in virtual time: clients that choose by the real planner, providers that are honest or not.
// It must never let a choice see what a provider really is: only cards, its word now, and the client's own jobs.

import NodeModel
import Wire

@testable import AggregatorCore

/// Clients and providers, replayable by its seed.
public struct Market {
    /// What a provider does.
    public enum Kind: String, CaseIterable, Sendable {
        case honest
        /// Fails nine of ten, and is a fifth cheaper.
        case fails
        /// The same, but takes a new key after each failure.
        case whitewashes
        /// Honest for thirty jobs, then fails nine of ten.
        case betrays
        /// Honest for thirty jobs, then nine of ten answers are not the model's; nobody sees that who does not check.
        case fakes = "fakes answers"
        /// Says that it is idle, always, and refuses whoever comes beyond its slots.
        case liesAboutLoad = "lies about its load"
        /// Tells its load, but for one thing: when it is full it says that it has one place.
        case neverFull = "never says that it is full"

        var lies: Bool { self == .liesAboutLoad || self == .neverFull }
    }

    /// How a provider is chosen.
    public enum Choice: Sendable { case random, ours, oracle }

    struct Provider {
        let kind: Kind
        /// The share of its jobs that an honest one does well.
        let quality: Double
        var key: PublicKey
        var jobs = 0
        /// Jobs at this moment.
        var busy = 0
    }

    /// Whose words go round besides those of the clients.
    public enum Speech: Sendable {
        /// Nobody says anything to anybody.
        case silence
        /// Clients say how their jobs went, and nobody lies.
        case honest
        /// So many fresh keys besides say that all honest providers are bad, and all attackers good.
        case crowd(Int)
        /// The attackers say so themselves, under the keys by which they are known as providers.
        case insiders
    }

    struct Client {
        var experience = ExperienceBook()
        var book = CardBook(penalty: 30)
        var words = LoadWords()
        var hearsay = Hearsay()
        var schedule = EvidenceSchedule()
        var rates = VerificationBook()
        /// Those of the honest providers whose nodes are clients, too: that is how trust can lead to a client.
        var key: PublicKey
    }

    private static let own = PublicKey(xOnly: Digest(hashing: "own"))
    /// A client runs nothing itself.
    private static let nothing = LocalView(
        entries: .success([]), inventory: .failure(WireError(.unavailable, "There is no engine.")))
    static let slots = 4
    private var random: UInt64
    var providers: [Provider] = []
    var clients: [Client]
    let speech: Speech
    let pace: Pace
    /// Whether what providers say of their loads is held against them.
    let remembersWords: Bool
    /// Jobs so far, which ones end when, and how loaded all were at each of the last ones.
    var step = 0
    var ends: [Int: [Int]] = [:]
    var loads: [[Int]] = []
    /// Whether clients check answers, as often as the rule has it.
    let verifies: Bool
    /// All that was said, by the provider whom it is about.
    var said: [PublicKey: [Evidence]] = [:]
    var rounds = 0
    var statements = 0
    private var keys = 0
    var now: Int64 = 1_800_000_000

    /// - Parameters:
    ///   - spread: how much worse than the best the worst of the honest ones is.
    ///   - validators: so many of the clients are believed fully by all.
    public init(
        seed: UInt64, honest: Int, attackers: Int, clients: Int, _ kind: Kind, spread: Double = 0,
        speech: Speech = .silence, validators: Int = 0, verifies: Bool = false, pace: Pace = .rounds,
        remembersWords: Bool = true
    ) {
        random = seed
        self.pace = pace
        self.remembersWords = remembersWords
        self.speech = speech
        self.verifies = verifies
        self.clients = []
        for _ in 0..<attackers { providers.append(Provider(kind: kind, quality: 0, key: freshKey())) }
        for number in 0..<honest {
            let quality = 0.995 - spread * Double(number) / Double(max(1, honest - 1))
            providers.append(Provider(kind: .honest, quality: quality, key: freshKey()))
        }
        let nodes = providers.filter { $0.kind == .honest }.map(\.key)
        for number in 0..<clients {
            self.clients.append(Client(key: number < nodes.count ? nodes[number] : freshKey()))
        }
        let believed = Set(self.clients.prefix(validators).map(\.key))
        for number in self.clients.indices { self.clients[number].hearsay = Hearsay(validators: believed) }
    }

    public init(
        seed: UInt64, providers: Int, clients: Int, share: Double, _ kind: Kind, speech: Speech = .silence,
        validators: Int = 0, verifies: Bool = false, pace: Pace = .rounds, remembersWords: Bool = true
    ) {
        let attackers = Int((share * Double(providers)).rounded(.up))
        self.init(
            seed: seed, honest: providers - attackers, attackers: attackers, clients: clients, kind,
            speech: speech, validators: validators, verifies: verifies, pace: pace,
            remembersWords: remembersWords)
    }

    /// The places of the honest providers when they are put in the order of what all clients together think of them, the
    /// best one's first; in the order in which they were made.
    public var ranks: [Int] {
        let honest = providers.filter { $0.kind == .honest }
        let scores = honest.map { provider in
            clients.reduce(0) { sum, client in
                var experience = client.experience
                return sum + (experience.score(provider.key, now: now) ?? ExperienceBook.newcomer)
            }
        }
        var ranks = [Int](repeating: 0, count: honest.count)
        let order = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
        for (rank, index) in order.enumerated() { ranks[index] = rank }
        return ranks
    }

    private mutating func freshKey() -> PublicKey {
        keys += 1
        return PublicKey(xOnly: Digest(hashing: "provider \(keys)"))
    }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        random &+= 0x9E37_79B9_7F4A_7C15
        var mixed = random
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    private mutating func chance() -> Double { Double(next() >> 11) / Double(1 << 53) }

    /// What was lost, as shares of all jobs.
    public struct Losses: Sendable {
        /// Jobs whose first attempt failed: time.
        public var first = 0.0
        /// Jobs of which three attempts failed.
        public var whole = 0.0
        /// Jobs that were given a wrong answer, and took it.
        public var wrong = 0.0
        /// Answers that were checked.
        public var checked = 0.0
    }

    /// Each client has one job in each round, which is tried at three providers, as jobs are.
    public mutating func lost(rounds: Int, by choice: Choice) -> Losses {
        var losses = Losses()
        let part = 1 / Double(rounds * clients.count)
        for _ in 0..<rounds {
            now += 5
            if case .rounds = pace { for index in providers.indices { providers[index].busy = 0 } }
            if self.rounds % 25 == 0 { spread() }
            self.rounds += 1
            for client in order() {
                pass()
                let tried = choose(for: client, by: choice).prefix(3)
                var failures = 0
                for each in tried {
                    let result = attempt(each, client)
                    if result.checked { losses.checked += part }
                    if result.outcome == .wrong { losses.wrong += part }
                    guard result.outcome == .failed || result.outcome == .refused else { break }
                    failures += 1
                }
                if failures > 0 { losses.first += part }
                if failures == tried.count { losses.whole += part }
            }
        }
        return losses
    }

    /// What came of one attempt.
    private enum Outcome { case good, failed, wrong, refused }

    private mutating func attempt(_ chosen: Int, _ client: Int) -> (outcome: Outcome, checked: Bool) {
        clients[client].words.sent(to: providers[chosen].key)
        let outcome = work(at: chosen)
        // A client's own jobs hardly ever meet: each lasts until all clients have come once, about.
        defer { clients[client].words.ended(at: providers[chosen].key) }
        // Who has no place does nothing wrong by saying so; what he told before is another matter.
        if outcome == .refused {
            clients[client].words.refused(by: providers[chosen].key, now: now)
            return (outcome, false)
        }
        let isChecked = outcome != .failed && verifies && draws(chosen, client)
        if isChecked { check(chosen, client, isRight: outcome == .good) }
        // Who does not check takes a wrong answer for a good one.
        learn(client, chosen, outcome == .good || (outcome == .wrong && !isChecked))
        if outcome == .failed, providers[chosen].kind == .whitewashes { providers[chosen].key = freshKey() }
        return (outcome, isChecked)
    }

    private func key(_ chosen: Int) -> VerificationBook.Key {
        VerificationBook.Key(provider: providers[chosen].key, model: Digest(hashing: "model"))
    }

    private mutating func draws(_ chosen: Int, _ client: Int) -> Bool {
        let provider = providers[chosen].key
        let others = clients[client].hearsay[provider]
        let score = clients[client].experience.score(provider, with: others, now: now)
        return clients[client].rates.checks(key(chosen), drawn: chance(), score: score, now: now)
    }

    private mutating func check(_ chosen: Int, _ client: Int, isRight: Bool) {
        _ = clients[client].rates.saw(key(chosen), right: isRight, now: now)
    }

    private mutating func work(at index: Int) -> Outcome {
        guard providers[index].busy < Self.slots else { return .refused }
        providers[index].jobs += 1
        providers[index].busy += 1
        if case .flowing = pace {
            ends[step + lasting(), default: []].append(index)
        }
        let provider = providers[index]
        let hasTurned = provider.jobs > 30
        switch provider.kind {
        case .fails, .whitewashes: return chance() < 0.1 ? .good : .failed
        case .betrays: return chance() < (hasTurned ? 0.1 : 0.995) ? .good : .failed
        case .fakes:
            guard chance() < 0.995 else { return .failed }
            return !hasTurned || chance() < 0.1 ? .good : .wrong
        case .liesAboutLoad, .neverFull: return chance() < 0.995 ? .good : .failed
        case .honest: return chance() < provider.quality ? .good : .failed
        }
    }

    private mutating func learn(_ client: Int, _ chosen: Int, _ good: Bool) {
        let key = providers[chosen].key
        _ = clients[client].experience.saw(key, success: good, now: now)
        if good {
            clients[client].book.praise(key)
            clients[client].words.took(key, now: now)
        } else {
            clients[client].book.blame(key, reason: "failed", now: now)
        }
        // Who gives no receipt cannot be told of: half of the failures are of that kind.
        let isTold = good || (providers[chosen].jobs % 2 == 0)
        guard isTold, clients[client].schedule.tells(good ? .ok : .wrong, of: key, now: now) else { return }
        say(good ? .ok : .wrong, of: key, by: clients[client].key)
    }

    /// Providers in the order in which they are tried.
    private mutating func choose(for client: Int, by choice: Choice) -> [Int] {
        switch choice {
        case .random: return drawn(Array(providers.indices))
        case .oracle:
            return drawn(
                providers.indices.filter {
                    providers[$0].kind == .honest && providers[$0].busy < Self.slots
                })
        case .ours:
            return Planner.plan(input(for: client, seed: next())).candidates.compactMap { candidate in
                guard case .provider(let offer) = candidate else { return nil }
                return providers.firstIndex { $0.key == offer.card.provider }
            }
        }
    }

    private mutating func drawn(_ all: [Int]) -> [Int] {
        var (left, drawn) = (all, [Int]())
        while drawn.count < 3, !left.isEmpty {
            drawn.append(left.remove(at: Int(next() % UInt64(left.count))))
        }
        return drawn
    }

    private mutating func input(for client: Int, seed: UInt64) -> PlanInput {
        // A search brings a sample of them, and the best of it are asked.
        let start = Int(next() % UInt64(providers.count))
        let places = (0..<min(16, providers.count)).map { (start + $0 * 7) % providers.count }
        let sample = places.map { providers[$0] }
        var input = PlanInput(
            model: "tiny", own: Self.own, pin: nil, local: Self.nothing,
            found: PlanInput.Found(cards: sample.map(card), leftOut: [], problem: nil), failures: [:],
            seed: seed)
        for provider in sample {
            let others = clients[client].hearsay[provider.key]
            input.scores[provider.key] = clients[client].experience.score(
                provider.key, with: others, now: now)
            input.failures[provider.key] = clients[client].book.failure(provider.key, now: now)?.reason
        }
        for place in places {
            let (provider, busy) = (providers[place], load(place))
            let said =
                switch provider.kind {
                case .liesAboutLoad: 0
                case .neverFull: min(busy, Self.slots - 1)
                default: busy
                }
            let told = ProviderStatus(
                provider: provider.key, challenge: "0123456789abcdef", accepts: true, slots: Self.slots,
                busy: said, queued: 0, createdAt: now)
            input.standings[provider.key] = .told(told, milliseconds: 20)
            guard remembersWords else { continue }
            clients[client].words.heard(told, now: now)
            input.words[provider.key] = clients[client].words.word(of: provider.key, now: now)
        }
        return input
    }

    private func card(_ provider: Provider) -> ProviderCard {
        let price: Int64 = provider.kind == .honest ? 100 : 80
        return ProviderCard(
            provider: provider.key, endpoint: "ws://127.0.0.1:1/peer",
            models: [
                ModelOffer(
                    name: "tiny", root: Digest(hashing: "model"), context: 512,
                    price: UnitPrice(prompt: price, completion: price))
            ], device: "cpu", memoryMiB: 1, slots: Self.slots, load: 0, createdAt: 100, expiresAt: 1300)
    }
}
