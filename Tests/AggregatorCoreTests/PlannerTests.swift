// Proves which candidate is chosen, in which order, with which words, and which error when there is none.

import Interfaces
import NodeModel
import Nostr
import Testing
import Wire

@testable import AggregatorCore

@Suite struct PlannerTests {
    static let own = PublicKey(xOnly: Digest(hashing: "own"))
    static let root = Digest(hashing: "model")
    static let entry = ContentInterface.Entry(
        name: "tiny", root: root, sha256: root, manifest: "m", size: 1, format: "gguf",
        metadata: ["context_length": "2048"], addedAt: 1)

    static func inventory(ok: Bool = true, slots: Int = 2, busy: Int = 0) -> ExecInterface.Inventory.Reply {
        ExecInterface.Inventory.Reply(
            devices: [ExecInterface.Device(kind: "cpu", name: "x", memoryMiB: 100)], gpuReason: "none",
            checks: [
                ControlInterface.Check(
                    name: "docker", ok: ok, reason: ok ? "fine" : "not running", fix: ok ? nil : "start it")
            ],
            image: "sha256:x", engines: [], slots: slots, busy: busy, queued: 0)
    }

    static func local(_ entries: [ContentInterface.Entry], ok: Bool = true, busy: Int = 0) -> LocalView {
        LocalView(entries: .success(entries), inventory: .success(inventory(ok: ok, busy: busy)))
    }

    static func card(
        _ name: String, price: Int64 = 1, load: Int = 0, root: ContentRoot = root, slots: Int = 2,
        endpoint: String = "ws://127.0.0.1:1/peer"
    ) -> ProviderCard {
        ProviderCard(
            provider: PublicKey(xOnly: Digest(hashing: name)), endpoint: endpoint,
            models: [
                ModelOffer(
                    name: "tiny", root: root, context: 512, price: UnitPrice(prompt: price, completion: price)
                )
            ],
            device: "cpu", memoryMiB: 1, slots: slots, load: load, createdAt: 100, expiresAt: 1300)
    }

    static func plan(
        _ model: String = "tiny", local: LocalView, cards: [ProviderCard]? = nil, pin: PublicKey? = nil,
        failures: [String: String] = [:], problem: WireError? = nil, standings: [String: Standing] = [:],
        seed: UInt64 = 7
    ) -> Plan {
        var failed: [PublicKey: String] = [:]
        for (name, reason) in failures { failed[PublicKey(xOnly: Digest(hashing: name))] = reason }
        return Planner.plan(
            PlanInput(
                model: model, own: own, pin: pin, local: local,
                found: cards.map { PlanInput.Found(cards: $0, leftOut: [], problem: problem) },
                failures: failed,
                standings: Dictionary(
                    uniqueKeysWithValues: standings.map {
                        (PublicKey(xOnly: Digest(hashing: $0.key)), $0.value)
                    }),
                seed: seed))
    }

    static func names(_ plan: Plan) -> [String] {
        plan.candidates.map { candidate in
            switch candidate {
            case .here: return "here"
            case .provider(let offer):
                let known = ["a", "b", "c", "d"]
                return known.first { PublicKey(xOnly: Digest(hashing: $0)) == offer.card.provider } ?? "?"
            }
        }
    }

    @Test func theModelHereIsUsedFirstAndNeedsNoNetwork() {
        let input = PlanInput(
            model: "tiny", own: Self.own, pin: nil, local: Self.local([Self.entry]), found: nil, failures: [:]
        )
        #expect(!Planner.needsNetwork(input))
        let plan = Self.plan(local: Self.local([Self.entry]), cards: [Self.card("a", price: 0)])
        #expect(Self.names(plan) == ["here", "a"])
        #expect(plan.explained.first?.chosen == true)
        #expect(plan.explained.count { $0.chosen } == 1)
    }

    @Test(arguments: ["tiny", "TINY", root.hex]) func aModelIsFoundByNameAndByRoot(model: String) {
        #expect(Self.names(Self.plan(model, local: Self.local([Self.entry]))) == ["here"])
        #expect(Self.names(Self.plan(model, local: Self.local([]), cards: [Self.card("a")])) == ["a"])
    }

    @Test func providersAreRankedByFailuresThenPriceThenLoad() {
        let cards = [
            Self.card("a", price: 3), Self.card("b", price: 1, load: 9), Self.card("c", price: 1, load: 2),
            Self.card("d", price: 0),
        ]
        let plan = Self.plan(local: Self.local([]), cards: cards, failures: ["d": "failed 3 s ago"])
        #expect(Self.names(plan) == ["c", "b", "a", "d"])
        #expect(plan.explained.contains { $0.reason.contains("failed 3 s ago") })
    }

    @Test func fullProvidersComeAfterThoseWithRoom() {
        let plan = Self.plan(
            local: Self.local([]), cards: [Self.card("a", price: 1, load: 15), Self.card("b", price: 9)])
        #expect(Self.names(plan) == ["b", "a"])
    }

    @Test func aBusyNodeGoesElsewhereFirstAndWaitsLast() {
        let plan = Self.plan(local: Self.local([Self.entry], busy: 2), cards: [Self.card("a")])
        #expect(Self.names(plan) == ["a", "here"])
        #expect(Self.names(Self.plan(local: Self.local([Self.entry], busy: 2), cards: [])) == ["here"])
    }

    @Test func aPinAllowsOnlyThatProvider() {
        let cards = [Self.card("a", price: 0), Self.card("b", price: 5)]
        let pinned = PublicKey(xOnly: Digest(hashing: "b"))
        #expect(Self.names(Self.plan(local: Self.local([Self.entry]), cards: cards, pin: pinned)) == ["b"])
        #expect(Self.names(Self.plan(local: Self.local([Self.entry], busy: 2), pin: Self.own)) == ["here"])
        let absent = Self.plan(
            local: Self.local([Self.entry]), cards: cards, pin: PublicKey(xOnly: Digest(hashing: "z")))
        #expect(absent.failure?.code == .noProvider)
    }

    @Test func anotherContentUnderAKnownNameIsRefused() {
        let other = Self.card("a", root: Digest(hashing: "evil"))
        let plan = Self.plan(local: Self.local([Self.entry], ok: false), cards: [other, Self.card("b")])
        #expect(Self.names(plan) == ["b"])
        #expect(plan.explained.contains { $0.reason.contains("another content") })
    }

    /// One card that names a host, or another protocol, is passed over and takes no job down with it.
    @Test(arguments: ["wss://127.0.0.1:1/peer", "ws://example.org:1/peer", "http://127.0.0.1:1/peer"])
    func whereNobodyCanDialNoJobIsSent(_ endpoint: String) {
        let cards = [Self.card("a", price: 1, endpoint: endpoint), Self.card("b", price: 9)]
        let plan = Self.plan(local: Self.local([]), cards: cards)
        #expect(Self.names(plan) == ["b"])
        #expect(plan.explained.contains { $0.reason.contains("no usable endpoint") })
    }

    @Test func eachLackHasItsOwnErrorAndAFix() throws {
        let nobody = try #require(Self.plan(local: Self.local([]), cards: []).failure)
        #expect(nobody.code == .modelNotFound)
        let unusable = try #require(
            Self.plan(local: Self.local([]), cards: [Self.card("a", slots: 0)]).failure)
        #expect(unusable.code == .noProvider)
        #expect(unusable.message.contains("no slot"))
        var gone = PlanInput(
            model: Self.entry.name, own: Self.own, pin: nil, local: Self.local([]), found: nil, failures: [:])
        gone.found = PlanInput.Found(cards: [], leftOut: [], vanished: 1, problem: nil)
        let vanished = try #require(Planner.plan(gone).failure)
        #expect(vanished.code == .noProvider, "a model that a lost provider had is not an unknown model")
        #expect(vanished.fix != nil)
        let engine = try #require(Self.plan(local: Self.local([Self.entry], ok: false), cards: []).failure)
        #expect(engine.code == .engineUnavailable)
        #expect(engine.message.contains("docker"))
        #expect(engine.fix == "start it")
        let offline = try #require(
            Self.plan(
                local: Self.local([]), cards: [], problem: WireError(.unavailable, "dht-d is away")
            ).failure)
        #expect(offline.code == .noProvider)
        for error in [nobody, unusable, engine, offline] { #expect(error.fix?.isEmpty == false) }
    }

    @Test func ownCardIsNeverACandidate() {
        var mine = Self.card("a")
        mine.provider = Self.own
        #expect(Self.plan(local: Self.local([]), cards: [mine]).candidates.isEmpty)
    }
}

@Suite struct CardBookTests {
    @Test func aProviderThatIsNotFoundAnyMoreIsRememberedUntilItsCardExpires() {
        var book = CardBook(penalty: 30)
        let card = PlannerTests.card("a")
        let name = card.models[0].name
        book.saw([card], now: 200)
        let own = PlannerTests.own
        #expect(book.vanished(name, own: own, found: [], now: 200) == 1)
        #expect(book.vanished(card.models[0].root.hex, own: own, found: [], now: 200) == 1)
        #expect(book.vanished(name, own: own, found: [card], now: 200) == 0, "it was found")
        #expect(book.vanished("another", own: own, found: [], now: 200) == 0)
        #expect(book.vanished(name, own: card.provider, found: [], now: 200) == 0, "this node itself")
        #expect(book.vanished(name, own: own, found: [], now: card.expiresAt + 1) == 0, "its card expired")
    }

    @Test func aFailedProviderReturnsAfterThePenaltyOrWithANewCard() {
        var book = CardBook(penalty: 30)
        let card = PlannerTests.card("a")
        book.saw([card], now: 200)
        book.blame(card.provider, reason: "gone", now: 200)
        #expect(book.failure(card.provider, now: 229) != nil)
        #expect(book.failure(card.provider, now: 230) == nil)
        book.blame(card.provider, reason: "gone again", now: 300)
        #expect(book.failure(card.provider, now: 359) != nil, "the second failure costs twice as much")
        book.saw([card], now: 301)
        #expect(book.failure(card.provider, now: 302) != nil, "an old card proves nothing")
        var renewed = card
        renewed.createdAt = 301
        book.saw([renewed], now: 302)
        #expect(book.failure(card.provider, now: 302) == nil, "a renewed card wipes the slate")
    }

    @Test func cardsAreCheckedAgainAndTheNewestCounts() throws {
        let key = SecretKey.generate()
        func event(_ at: Int64, _ endpoint: String) throws -> SignedEvent {
            var card = PlannerTests.card("x", endpoint: endpoint)
            card.provider = key.publicKey
            card.createdAt = at
            card.expiresAt = at + 1000
            return try key.sign(card.template)
        }
        let old = try event(100, "ws://old:1/peer")
        let new = try event(200, "ws://new:1/peer")
        let read = CardReading.read([new, old], own: PlannerTests.own, now: 300)
        #expect(read.cards.map(\.endpoint) == ["ws://new:1/peer"])
        #expect(CardReading.read([new], own: PlannerTests.own, now: 1200).cards.isEmpty, "expired")
        #expect(CardReading.read([new], own: PlannerTests.own, now: 50).cards.isEmpty, "from the future")
        #expect(CardReading.read([new], own: key.publicKey, now: 300).cards.isEmpty, "own")
        let forged = SignedEvent(
            id: new.id, pubkey: new.pubkey, createdAt: new.createdAt, kind: new.kind, tags: new.tags,
            content: "",
            sig: old.sig)
        let result = CardReading.read([forged], own: PlannerTests.own, now: 300)
        #expect(result.cards.isEmpty)
        #expect(result.leftOut.first?.contains("signature") == true)
    }
}
