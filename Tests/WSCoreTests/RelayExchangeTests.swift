// Proves that an exchange with a relay subscribes before it publishes, takes no answer but the right one, and says what
// is known when the line breaks; and that a relay's address leads nowhere in the clear but to this machine.

import Interfaces
import NodeModel
import Nostr
import Testing
import Wire

@testable import WSCore

@Suite struct RelayExchangeTests {
    private let client = SecretKey.generate()
    private let wallet = SecretKey.generate()
    private let event: SignedEvent

    init() throws {
        event = try client.sign(
            EventTemplate(pubkey: client.publicKey, createdAt: 1, kind: 23194, tags: [], content: "x"))
    }

    private func answer(_ author: SecretKey, about id: String, kind: Int = 23195) throws -> SignedEvent {
        try author.sign(
            EventTemplate(
                pubkey: author.publicKey, createdAt: 2, kind: kind, tags: [["e", id]], content: "y"))
    }

    private func asking() -> RelayExchange {
        RelayExchange(event, answer: .init(kind: 23195, author: wallet.publicKey))
    }

    private func told(_ actions: [RelayExchange.Action]) -> [RelayRequest] {
        actions.compactMap { if case .tell(let request) = $0 { request } else { nil } }
    }

    private func end(_ actions: [RelayExchange.Action]) throws -> WSInterface.Relay.Reply? {
        for case .end(let result) in actions { return try result.get() }
        return nil
    }

    @Test func theSubscriptionStandsBeforeTheEventIsOut() throws {
        var exchange = asking()
        #expect(
            told(exchange.on(.opened))
                == [.subscribe("answer", kind: 23195, author: wallet.publicKey, about: event.id)])
        #expect(told(exchange.on(.message(.stored(subscription: "other")))) == [])
        #expect(told(exchange.on(.message(.stored(subscription: "answer")))) == [.publish(event)])
        #expect(told(exchange.on(.message(.stored(subscription: "answer")))) == [])
        #expect(try end(exchange.on(.message(.verdict(event: event.id, accepted: true, words: "")))) == nil)
        let right = try answer(wallet, about: event.id)
        let last = exchange.on(.message(.event(subscription: "answer", right)))
        #expect(told(last) == [.close("answer")])
        #expect(try end(last) == .init(accepted: true, words: "", answer: right))
        #expect(exchange.on(.closed).isEmpty)
    }

    @Test func noOtherEventIsTheAnswer() throws {
        var exchange = asking()
        _ = exchange.on(.opened)
        _ = exchange.on(.message(.stored(subscription: "answer")))
        let right = try answer(wallet, about: event.id)
        let forged = SignedEvent(
            id: right.id, pubkey: right.pubkey, createdAt: right.createdAt, kind: right.kind,
            tags: right.tags,
            content: "z", sig: right.sig)
        for wrong in [
            forged, try answer(client, about: event.id), try answer(wallet, about: right.id),
            try answer(wallet, about: event.id, kind: 23196),
        ] {
            #expect(exchange.on(.message(.event(subscription: "answer", wrong))).isEmpty)
        }
        #expect(exchange.on(.message(.event(subscription: "other", right))).isEmpty)
        #expect(try end(exchange.on(.message(.event(subscription: "answer", right))))?.answer == right)
    }

    @Test func whatIsKnownIsSaidWhenTheLineBreaks() throws {
        for ending in [RelayExchange.Event.closed, .deadline] {
            var early = asking()
            _ = early.on(.opened)
            #expect(throws: WireError(.unavailable, "")) { try end(early.on(ending)) }
            var late = asking()
            _ = late.on(.opened)
            _ = late.on(.message(.stored(subscription: "answer")))
            _ = late.on(.message(.verdict(event: event.id, accepted: true, words: "kept")))
            #expect(try end(late.on(ending)) == .init(accepted: true, words: "kept", answer: nil))
        }
    }

    @Test func aRefusalEndsIt() throws {
        var exchange = asking()
        _ = exchange.on(.opened)
        let closed = exchange.on(.message(.closed(subscription: "answer", words: "error: full")))
        #expect(try end(closed) == .init(accepted: false, words: "error: full", answer: nil))
        var other = RelayExchange(event, answer: nil)
        #expect(told(other.on(.opened)) == [.publish(event)])
        let no = other.on(.message(.verdict(event: event.id, accepted: false, words: "blocked:")))
        #expect(try end(no) == .init(accepted: false, words: "blocked:", answer: nil))
    }

    @Test func aRelayThatAsksIsToldWhoAsks() throws {
        let proof = try client.sign(
            RelayAuthentication.template(
                author: client.publicKey, relay: "wss://relay.example", challenge: "word", now: 1))
        func challenges(_ actions: [RelayExchange.Action]) -> [String] {
            actions.compactMap { if case .sign(let challenge) = $0 { challenge } else { nil } }
        }
        let closed = RelayMessage.closed(subscription: "answer", words: "auth-required: who?")
        // The challenge before the refusal, and after it.
        for early in [true, false] {
            var exchange = asking()
            if early { #expect(exchange.on(.message(.challenge("word"))).isEmpty) }
            _ = exchange.on(.opened)
            let refused = exchange.on(.message(closed))
            let asked = early ? refused : exchange.on(.message(.challenge("word")))
            #expect(challenges(asked) == ["word"])
            #expect(exchange.on(.message(closed)).isEmpty)
            #expect(told(exchange.on(.signed(proof))) == [.authenticate(proof)])
            let again = exchange.on(.message(.verdict(event: proof.id, accepted: true, words: "")))
            #expect(
                told(again) == [
                    .subscribe("answer", kind: 23195, author: wallet.publicKey, about: event.id)
                ])
            // Once is enough.
            #expect(try end(exchange.on(.message(closed)))?.accepted == false)
        }
        var unknown = asking()
        _ = unknown.on(.opened)
        _ = unknown.on(.message(.challenge("word")))
        _ = unknown.on(.message(closed))
        #expect(
            try end(unknown.on(.signed(nil)))
                == .init(accepted: false, words: "auth-required: who?", answer: nil))
        var rejected = asking()
        _ = rejected.on(.opened)
        _ = rejected.on(.message(.challenge("word")))
        _ = rejected.on(.message(closed))
        _ = rejected.on(.signed(proof))
        let no = rejected.on(.message(.verdict(event: proof.id, accepted: false, words: "restricted:")))
        #expect(try end(no) == .init(accepted: false, words: "restricted:", answer: nil))
    }

    @Test func addressesAreReadAsTheyStand() throws {
        let plain = try RelayAddress("wss://relay.example")
        #expect(
            (plain.host, plain.port, plain.path, plain.authority) == (
                "relay.example", 443, "/", "relay.example"
            ))
        let long = try RelayAddress("wss://relay.example:7000/v1?a=b")
        #expect((long.port, long.path, long.authority) == (7000, "/v1?a=b", "relay.example:7000"))
        let six = try RelayAddress("ws://[::1]:7777")
        #expect((six.host, six.port, six.isEncrypted) == ("::1", 7777, false))
        #expect(try RelayAddress("wss://[2001:db8::1]").port == 443)
        for wrong in [
            "https://relay.example", "ws://relay.example", "ws://10.0.0.1:7777", "wss://", "wss://:7000",
            "wss://relay.example:0", "wss://relay.example:99999", "wss://me@relay.example", "",
        ] {
            #expect(throws: WireError(.configInvalid, ""), "\(wrong)") { try RelayAddress(wrong) }
        }
    }
}
