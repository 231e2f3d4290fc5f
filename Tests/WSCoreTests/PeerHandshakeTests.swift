// Proves the greeting between nodes: the right moves open a session, and each wrong move closes it.

import NodeModel
import Nostr
import Testing
import Wire

@testable import WSCore

@Suite struct PeerHandshakeTests {
    private static let endpoint = "ws://127.0.0.3:9103/peer"
    private static let now: Int64 = 1_790_000_000
    private let alice = SecretKey.generate()
    private let bob = SecretKey.generate()
    private let mallory = SecretKey.generate()

    private func dialer(_ expected: PublicKey? = nil, endpoint: String = Self.endpoint) -> PeerHandshake {
        PeerHandshake(
            side: .dialer(expected: expected ?? bob.publicKey), own: alice.publicKey, endpoint: endpoint,
            challenge: String(repeating: "a", count: 64))
    }

    private func listener(endpoint: String = Self.endpoint) -> PeerHandshake {
        PeerHandshake(
            side: .listener, own: bob.publicKey, endpoint: endpoint,
            challenge: String(repeating: "b", count: 64))
    }

    /// What ledger-d would sign for a side.
    private func proof(
        by key: SecretKey, challenge: String, reader: PublicKey, side: PeerAuthentication.Side,
        endpoint: String = Self.endpoint, at time: Int64 = Self.now
    ) throws -> SignedEvent {
        let bound = try #require(
            PeerAuthentication(endpoint: endpoint, challenge: challenge, reader: reader, side: side))
        return try key.sign(bound.template(author: key.publicKey, now: time))
    }

    private func failure(_ actions: [PeerHandshake.Action]) -> ErrorCode? {
        for case .fail(let error, _) in actions { return error.code }
        return nil
    }

    private func hello(_ key: PublicKey, _ challenge: Character = "c", version: Int = 1)
        -> PeerHandshake.Event
    {
        .message(.hello(version: version, pubkey: key, challenge: String(repeating: challenge, count: 64)))
    }

    @Test func bothSidesProveThemselves() throws {
        var a = dialer()
        var b = listener()
        let aHello = a.on(.opened, now: Self.now)
        let bHello = b.on(.opened, now: Self.now)
        guard case .send(let fromA) = aHello.first, case .send(let fromB) = bHello.first else {
            Issue.record("both open with hello")
            return
        }
        // The listener signs nothing for a stranger that has proved nothing.
        let outcome1 = b.on(.message(fromA), now: Self.now)
        #expect(outcome1.isEmpty)
        let outcome2 = a.on(.message(fromB), now: Self.now)
        #expect(outcome2 == [.sign(challenge: b.challenge, peer: bob.publicKey)])
        let aProof = try proof(by: alice, challenge: b.challenge, reader: bob.publicKey, side: .dialer)
        let outcome3 = a.on(.signed(aProof), now: Self.now)
        #expect(outcome3 == [.send(.auth(aProof))])
        let outcome4 = b.on(.message(.auth(aProof)), now: Self.now)
        #expect(outcome4 == [.sign(challenge: a.challenge, peer: alice.publicKey)])
        let bProof = try proof(by: bob, challenge: a.challenge, reader: alice.publicKey, side: .listener)
        let outcome5 = b.on(.signed(bProof), now: Self.now)
        #expect(outcome5 == [.send(.auth(bProof)), .established(alice.publicKey)])
        let outcome6 = a.on(.message(.auth(bProof)), now: Self.now)
        #expect(outcome6 == [.established(bob.publicKey)])
        // Later events change nothing.
        let outcome7 = a.on(.deadline, now: Self.now)
        #expect(outcome7.isEmpty)
    }

    @Test func dialerAbortsForAnotherKeyThanTheCards() {
        var a = dialer()
        _ = a.on(.opened, now: Self.now)
        let outcome8 = failure(a.on(hello(mallory.publicKey), now: Self.now))
        #expect(outcome8 == .verificationFailed)
        // And stays closed, even for the right one.
        let outcome9 = a.on(hello(bob.publicKey), now: Self.now)
        #expect(outcome9.isEmpty)
    }

    @Test(arguments: [0, 2, -1]) func otherVersionsAreRefused(_ version: Int) {
        var b = listener()
        _ = b.on(.opened, now: Self.now)
        let outcome10 = failure(b.on(hello(alice.publicKey, version: version), now: Self.now))
        #expect(outcome10 == .versionMismatch)
    }

    @Test func ourOwnKeyOrChallengeComingBackIsRefused() {
        var b = listener()
        _ = b.on(.opened, now: Self.now)
        let outcome11 = failure(b.on(hello(bob.publicKey), now: Self.now))
        #expect(outcome11 == .notPermitted)
        var again = listener()
        _ = again.on(.opened, now: Self.now)
        let outcome12 = failure(again.on(hello(alice.publicKey, "b"), now: Self.now))
        #expect(outcome12 == .notPermitted)
    }

    /// Proofs that are genuine signatures, but not of this greeting.
    @Test func listenerRefusesEveryProofThatIsNotForIt() throws {
        func outcome(_ event: SignedEvent) -> ErrorCode? {
            var b = listener()
            _ = b.on(.opened, now: Self.now)
            _ = b.on(hello(alice.publicKey), now: Self.now)
            return failure(b.on(.message(.auth(event)), now: Self.now))
        }
        let challenge = listener().challenge
        let me = bob.publicKey
        // Replayed from another connection.
        let other = String(repeating: "d", count: 64)
        #expect(
            outcome(try proof(by: alice, challenge: other, reader: me, side: .dialer)) == .verificationFailed)
        // Made for another endpoint, and carried on by whoever serves that one.
        let elsewhere = "ws://127.0.0.9:9103/peer"
        #expect(
            outcome(
                try proof(by: alice, challenge: challenge, reader: me, side: .dialer, endpoint: elsewhere))
                == .verificationFailed)
        // Made for another reader.
        #expect(
            outcome(try proof(by: alice, challenge: challenge, reader: mallory.publicKey, side: .dialer))
                == .verificationFailed)
        // By another key than the one that was claimed.
        #expect(
            outcome(try proof(by: mallory, challenge: challenge, reader: me, side: .dialer))
                == .verificationFailed)
        // A listener's proof in the dialer's place.
        #expect(
            outcome(try proof(by: alice, challenge: challenge, reader: me, side: .listener))
                == .verificationFailed)
        // Stale, and from the future.
        for time in [Self.now - 61, Self.now + 61] {
            #expect(
                outcome(try proof(by: alice, challenge: challenge, reader: me, side: .dialer, at: time))
                    == .verificationFailed)
        }
        // A signature that does not hold.
        let good = try proof(by: alice, challenge: challenge, reader: me, side: .dialer)
        let forged = SignedEvent(
            id: good.id, pubkey: good.pubkey, createdAt: good.createdAt, kind: good.kind, tags: good.tags,
            content: good.content, sig: String(good.sig.reversed()))
        #expect(outcome(forged) == .verificationFailed)
        // And the good one is taken, so that the refusals above mean something.
        #expect(outcome(good) == nil)
    }

    @Test func dialerRefusesAProofBoundToAnotherEndpoint() throws {
        var a = dialer()
        _ = a.on(.opened, now: Self.now)
        _ = a.on(hello(bob.publicKey), now: Self.now)
        let mine = try proof(
            by: alice, challenge: String(repeating: "c", count: 64), reader: bob.publicKey, side: .dialer)
        _ = a.on(.signed(mine), now: Self.now)
        let elsewhere = try proof(
            by: bob, challenge: a.challenge, reader: alice.publicKey, side: .listener,
            endpoint: "ws://127.0.0.9:9103/peer")
        let outcome13 = failure(a.on(.message(.auth(elsewhere)), now: Self.now))
        #expect(outcome13 == .verificationFailed)
    }

    @Test func messagesOutOfOrderCloseTheConnection() throws {
        let event = try proof(
            by: alice, challenge: listener().challenge, reader: bob.publicKey, side: .dialer)
        // A proof before hello.
        var b = listener()
        _ = b.on(.opened, now: Self.now)
        let outcome14 = failure(b.on(.message(.auth(event)), now: Self.now))
        #expect(outcome14 == .invalidEnvelope)
        // Hello twice.
        var twice = listener()
        _ = twice.on(.opened, now: Self.now)
        _ = twice.on(hello(alice.publicKey), now: Self.now)
        let outcome15 = failure(twice.on(hello(alice.publicKey), now: Self.now))
        #expect(outcome15 == .invalidEnvelope)
        // A proof while ours is still being signed.
        var early = dialer()
        _ = early.on(.opened, now: Self.now)
        _ = early.on(hello(bob.publicKey), now: Self.now)
        let outcome16 = failure(early.on(.message(.auth(event)), now: Self.now))
        #expect(outcome16 == .invalidEnvelope)
        // Anything before the WebSocket is open.
        var closed = listener()
        let outcome17 = failure(closed.on(hello(alice.publicKey), now: Self.now))
        #expect(outcome17 == .invalidEnvelope)
    }

    @Test func deadlineRefusalAndLedgerFailuresEndTheGreeting() throws {
        var late = listener()
        _ = late.on(.opened, now: Self.now)
        let outcome18 = failure(late.on(.deadline, now: Self.now))
        #expect(outcome18 == .deadlineExceeded)
        var refused = dialer()
        _ = refused.on(.opened, now: Self.now)
        let actions = refused.on(.message(.refused(code: "x", message: "go away")), now: Self.now)
        #expect(failure(actions) == .notPermitted)
        var unsigned = dialer()
        _ = unsigned.on(.opened, now: Self.now)
        _ = unsigned.on(hello(bob.publicKey), now: Self.now)
        let outcome19 = failure(
            unsigned.on(.signingFailed(WireError(.unavailable, "no ledger")), now: Self.now))
        #expect(outcome19 == .unavailable)
        // A signature by another key than ours would prove somebody else.
        var wrong = dialer()
        _ = wrong.on(.opened, now: Self.now)
        _ = wrong.on(hello(bob.publicKey), now: Self.now)
        let stranger = try proof(
            by: mallory, challenge: String(repeating: "c", count: 64), reader: bob.publicKey, side: .dialer)
        let outcome20 = failure(wrong.on(.signed(stranger), now: Self.now))
        #expect(outcome20 == .internalError)
    }

    @Test func messagesReadBackAsTheyWereWritten() throws {
        let event = try proof(
            by: alice, challenge: listener().challenge, reader: bob.publicKey, side: .dialer)
        let messages: [PeerMessage] = [
            .hello(version: 1, pubkey: alice.publicKey, challenge: listener().challenge), .auth(event),
            .refused(code: "not_permitted", message: "no"),
        ]
        for message in messages {
            let bytes = message.encoded()
            #expect(bytes.count < PeerMessage.maximumSize)
            let again = bytes.withUnsafeBytes { bytes in try? PeerMessage.read(bytes) }
            #expect(again == message)
        }
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"type":"hello"}"#, #"{"type":"hello","version":1,"pubkey":"zz","challenge":"00"}"#,
        #"{"type":"auth"}"#, #"{"type":"auth","type":"hello"}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"peer.run_job"}"#,
        "{\"type\":\"refused\",\"message\":\"" + String(repeating: "x", count: 5_000) + "\"}",
    ])
    func garbageIsNotAMessage(_ text: String) {
        let message = Array(text.utf8).withUnsafeBytes { bytes in try? PeerMessage.read(bytes) }
        #expect(message == nil)
    }
}
