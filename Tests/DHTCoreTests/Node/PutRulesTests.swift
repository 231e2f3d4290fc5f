// Proves that a card is stored only when everything about it is right, each refusal with its number, and that
// the signature, the dearest check, is only made when nothing else speaks against the card.

import DHTCore
import DHTSimulation
import NodeModel
import Nostr
import Testing

@Suite struct PutRulesTests {
    private static let unix: Int64 = 1_800_000_000
    private let topic = Topic.name("smollm2")

    private func encoded(_ event: SignedEvent) throws -> [UInt8] { try #require(CardRecord(event)).encoded }

    @Test func aGoodCardIsStoredUnderEachOfItsTopics() throws {
        var peer = TestPeer()
        let event = try TestCards.signed(1, created: Self.unix)
        for topic in Topic.topics(of: event) {
            #expect(peer.put(event, topic) == 0)
            #expect(peer.find(topic)?.cards.first??.event == event)
        }
        #expect(peer.verifications == 3)
    }

    @Test func withoutAValidTokenNothingIsRead() throws {
        var peer = TestPeer()
        let card = try encoded(try TestCards.signed(1, created: Self.unix))
        #expect(peer.put(card, under: topic.key(), token: [1, 2, 3, 4, 5, 6, 7, 8]) == 203)
        let mine = peer.token()
        peer.endpoint = Endpoint(peer.endpoint.address, port: 6882)
        #expect(peer.put(card, under: topic.key(), token: mine) == 203)
        #expect(peer.verifications == 0)
    }

    @Test func tokensAgeInTwoSteps() throws {
        var peer = TestPeer()
        let card = try encoded(try TestCards.signed(1, created: Self.unix))
        let token = peer.token()
        peer.pass(milliseconds: 301_000)
        peer.feed(.time)
        #expect(peer.put(card, under: topic.key(), token: token) == 0)
        peer.pass(milliseconds: 301_000)
        peer.feed(.time)
        #expect(peer.put(card, under: topic.key(), token: token) == 203)
    }

    @Test func aForgedSignatureIs206() throws {
        var peer = TestPeer()
        let good = try TestCards.signed(1, created: Self.unix)
        var signature = try #require(Hex.decode(good.sig))
        signature[10] ^= 1
        #expect(peer.put(SignedEvent(good.template, signature: signature), topic) == 206)
        #expect(peer.verifications == 1)
        #expect(peer.find(topic)?.cards.isEmpty == true)
    }

    /// A range that proved its address and sends forgeries is soon not listened to at all.
    @Test func forgeriesCountAsManyQueries() throws {
        var peer = TestPeer()
        let good = try TestCards.signed(1, created: Self.unix)
        var signature = try #require(Hex.decode(good.sig))
        signature[10] ^= 1
        let forged = try encoded(SignedEvent(good.template, signature: signature))
        let token = peer.token()
        var answers: [Int64?] = []
        for _ in 0..<30 { answers.append(peer.put(forged, under: topic.key(), token: token)) }
        // 400 queries at once are allowed, each forgery counts 21, the token cost one.
        #expect(answers == [Int64?](repeating: 206, count: 19) + [Int64?](repeating: nil, count: 11))
        #expect(peer.verifications == 19)
        let elsewhere = peer.endpoint
        peer.endpoint = Endpoint(address: 0x1502_0304, port: 1)
        #expect(peer.put(good, topic) == 0)
        peer.endpoint = elsewhere
        peer.pass(milliseconds: 2_000)
        #expect(peer.put(try TestCards.signed(2, created: Self.unix), topic) == 0)
    }

    @Test func theSameCardFromAnotherAddressIsNoNewsUntilItExpires() throws {
        var peer = TestPeer()
        let card = try TestCards.signed(1, created: Self.unix, lifetime: 60)
        #expect(peer.put(card, topic) == 0)
        peer.endpoint = Endpoint(address: 0x1502_0304, port: 1)
        #expect(peer.put(card, topic) == 0)
        #expect(peer.put(card, .name("gpt-4")) == 203)
        #expect(peer.verifications == 1)
        // Before the store is swept, that is at once.
        let token = peer.token()
        peer.pass(milliseconds: 61_000)
        #expect(peer.put(try encoded(card), under: topic.key(), token: token) == 203)
    }

    @Test func anotherAuthorsSignatureIs206() throws {
        var peer = TestPeer()
        let mine = try TestCards.signed(1, created: Self.unix)
        let victim = try TestCards.key(2).publicKey
        var template = mine.template
        template.pubkey = victim
        let stolen = SignedEvent(template, signature: try #require(Hex.decode(mine.sig)))
        #expect(peer.put(stolen, topic) == 206)
    }

    @Test func aChangedFieldIs206() throws {
        var peer = TestPeer()
        let good = try TestCards.signed(1, created: Self.unix)
        var template = good.template
        template.tags = template.tags.map {
            $0.first == "endpoint" ? ["endpoint", "ws://6.6.6.6:1/peer"] : $0
        }
        #expect(peer.put(SignedEvent(template, signature: try #require(Hex.decode(good.sig))), topic) == 206)
    }

    @Test func aTargetThatTheCardDoesNotNameIs203() throws {
        var peer = TestPeer()
        let event = try TestCards.signed(1, created: Self.unix)
        #expect(peer.put(event, .name("gpt-4")) == 203)
        #expect(peer.put(event, .provider(try TestCards.key(2).publicKey)) == 203)
        #expect(peer.verifications == 0)
    }

    @Test(arguments: [
        (created: -1200, lifetime: 1200), (created: -3000, lifetime: 1200), (created: 0, lifetime: 1801),
        (created: 0, lifetime: 0), (created: 0, lifetime: -5), (created: 121, lifetime: 1200),
    ])
    func anImpossibleLifetimeIs203(_ times: (created: Int64, lifetime: Int64)) throws {
        var peer = TestPeer()
        let event = try TestCards.signed(1, created: Self.unix + times.created, lifetime: times.lifetime)
        #expect(peer.put(event, topic) == 203)
        #expect(peer.verifications == 0)
    }

    @Test func aCardWithoutOrWithTwoExpirationsIs203() throws {
        var peer = TestPeer()
        let key = try TestCards.key(1)
        var template = TestCards.template(key.publicKey, created: Self.unix)
        let expiration = try #require(template.tags.first { $0.first == "expiration" })
        template.tags.append(expiration)
        #expect(peer.put(try key.sign(template), topic) == 203)
        template.tags.removeAll { $0.first == "expiration" }
        #expect(peer.put(try key.sign(template), topic) == 203)
    }

    @Test func theClockMayBeALittleAhead() throws {
        var peer = TestPeer()
        #expect(peer.put(try TestCards.signed(1, created: Self.unix + 120), topic) == 0)
    }

    @Test func moreThanAThousandBytesIs205() throws {
        var peer = TestPeer()
        func card(_ filler: Int) throws -> SignedEvent {
            try TestCards.signed(
                1, created: Self.unix, extra: [["note", String(repeating: "x", count: filler)]])
        }
        let base = try encoded(try card(100)).count - 100
        #expect(peer.put(try card(1000 - base + 1), topic) == 205)
        #expect(peer.verifications == 0)
        #expect(try encoded(try card(1000 - base)).count == 1000)
        #expect(peer.put(try card(1000 - base), topic) == 0)
    }

    @Test func whatIsNoCardIs203() throws {
        var peer = TestPeer()
        let key = try TestCards.key(1)
        var note = TestCards.template(key.publicKey, created: Self.unix)
        note.kind = 1
        #expect(peer.put(try key.sign(note), topic) == 203)
        #expect(peer.put(Array("de".utf8), under: topic.key()) == 203)
        #expect(peer.put(Array("i1e".utf8), under: topic.key()) == 203)
    }

    @Test func replaysOfOldCardsAre302AndDoNotReplace() throws {
        var peer = TestPeer()
        let old = try TestCards.signed(1, created: Self.unix - 100)
        let new = try TestCards.signed(1, created: Self.unix)
        #expect(peer.put(new, topic) == 0)
        peer.pass(milliseconds: 31_000)
        #expect(peer.put(old, topic) == 302)
        #expect(peer.verifications == 1)
        #expect(peer.find(topic)?.cards.first??.event == new)
        // The very same card again is no news, and no harm.
        #expect(peer.put(new, topic) == 0)
        #expect(peer.verifications == 1)
    }

    @Test func aNewerCardReplacesButNotTooOften() throws {
        var peer = TestPeer()
        #expect(peer.put(try TestCards.signed(1, created: Self.unix - 60), topic) == 0)
        peer.pass(milliseconds: 29_000)
        let newer = try TestCards.signed(1, created: Self.unix)
        #expect(peer.put(newer, topic) == 429)
        #expect(peer.verifications == 1)
        peer.pass(milliseconds: 1_000)
        #expect(peer.put(newer, topic) == 0)
        #expect(peer.find(topic)?.cards.map { $0?.event } == [newer])
    }

    @Test func oneAddressRangeHasEightProvidersUnderATarget() throws {
        var peer = TestPeer()
        for number in UInt8(1)...8 {
            #expect(peer.put(try TestCards.signed(number, created: Self.unix), topic) == 0)
        }
        #expect(peer.put(try TestCards.signed(9, created: Self.unix), topic) == 429)
        #expect(peer.verifications == 8)
        peer.endpoint = Endpoint(address: 0x1502_0304, port: 1)
        #expect(peer.put(try TestCards.signed(9, created: Self.unix), topic) == 0)
        // A home network is one range and may hold more.
        peer.endpoint = Endpoint(address: 0x7F00_0002, port: 1)
        for number in UInt8(20)...40 {
            #expect(peer.put(try TestCards.signed(number, created: Self.unix), topic) == 0)
        }
    }

    @Test func aFullTargetGivesWayOnlyToTheWorthier() throws {
        var configuration = DHTConfiguration()
        configuration.cardLimits.perTarget = 4
        configuration.groups = .unlimited
        var peer = TestPeer(configuration)
        for number in UInt8(1)...4 {
            #expect(peer.put(try TestCards.signed(number, created: Self.unix - Int64(number)), topic) == 0)
        }
        let token = peer.token()
        let held = peer.find(topic, limit: 8, token: token)
        let kept = Set(try #require(held).cards.compactMap { $0 })
        let least = try #require(
            kept.min { ($0.leadingZeros, $0.event.createdAt) < ($1.leadingZeros, $1.event.createdAt) })
        // Among the same work, an older card does not displace anybody, a newer one displaces the oldest.
        var number = UInt8(50)
        var stored = 0
        var refused = 0
        while stored == 0 || refused == 0 {
            let card = try #require(CardRecord(try TestCards.signed(number, created: Self.unix)))
            let worthier =
                (card.leadingZeros, card.event.createdAt) > (least.leadingZeros, least.event.createdAt)
            if worthier && stored == 0 {
                #expect(peer.put(card.encoded, under: topic.key()) == 0)
                stored += 1
            } else {
                let old = try TestCards.signed(number, created: Self.unix - 1000)
                let record = try #require(CardRecord(old))
                if record.leadingZeros == 0 {
                    #expect(peer.put(old, topic) == 429)
                    refused += 1
                }
            }
            number += 1
        }
        #expect(peer.find(topic)?.matches == 4)
    }

    @Test func expiredCardsAreNeverHandedOut() throws {
        var peer = TestPeer()
        #expect(peer.put(try TestCards.signed(1, created: Self.unix, lifetime: 60), topic) == 0)
        peer.pass(milliseconds: 59_000)
        #expect(peer.find(topic)?.matches == 1)
        peer.pass(milliseconds: 1_000)
        #expect(peer.find(topic)?.matches == 0)
        #expect(peer.find(topic)?.cards.isEmpty == true)
        peer.pass(milliseconds: 40_000)
        peer.feed(.time)
        #expect(peer.node.snapshot(now: peer.now).storedCards == 0)
    }
}

extension CardRecord {
    /// NIP-13's measure, counted apart from the code under test.
    var leadingZeros: Int {
        let bits = (Hex.decode(event.id) ?? []).map { byte in
            let binary = String(byte, radix: 2)
            return String(repeating: "0", count: 8 - binary.count) + binary
        }
        return bits.joined().prefix { $0 == "0" }.count
    }
}
