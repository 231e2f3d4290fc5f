// Proves that a proof counts for one endpoint, one challenge, one reader, one side and one minute only.

import NodeModel
import Nostr
import Testing

@Suite struct PeerAuthenticationTests {
    let author = SecretKey.generate()
    let reader = SecretKey.generate()
    let challenge = PeerAuthentication.newChallenge()
    let endpoint = "ws://127.0.0.3:9103/peer"
    let now: Int64 = 1_790_000_000

    private func expected(
        endpoint: String? = nil, challenge: String? = nil, reader: PublicKey? = nil,
        side: PeerAuthentication.Side = .dialer
    ) throws -> PeerAuthentication {
        try #require(
            PeerAuthentication(
                endpoint: endpoint ?? self.endpoint, challenge: challenge ?? self.challenge,
                reader: reader ?? self.reader.publicKey, side: side))
    }

    private func proof() throws -> SignedEvent {
        try author.sign(try expected().template(author: author.publicKey, now: now))
    }

    @Test func theRightProofNamesItsAuthor() throws {
        let key = try expected().check(try proof(), author: nil, now: now)
        #expect(key == author.publicKey)
        #expect(try expected().check(try proof(), author: author.publicKey, now: now) == author.publicKey)
    }

    @Test func aProofForAnythingElseIsRefused() throws {
        let event = try proof()
        let other = SecretKey.generate().publicKey
        #expect(throws: PeerAuthenticationError.otherChallenge) {
            try expected(challenge: PeerAuthentication.newChallenge()).check(event, author: nil, now: now)
        }
        #expect(throws: PeerAuthenticationError.otherEndpoint(endpoint)) {
            try expected(endpoint: endpoint + "/").check(event, author: nil, now: now)
        }
        #expect(throws: PeerAuthenticationError.otherReader) {
            try expected(reader: other).check(event, author: nil, now: now)
        }
        #expect(throws: PeerAuthenticationError.otherSide) {
            try expected(side: .listener).check(event, author: nil, now: now)
        }
        #expect(throws: PeerAuthenticationError.otherAuthor(author.publicKey)) {
            try expected().check(event, author: other, now: now)
        }
    }

    @Test func ourOwnProofReflectedIsRefused() throws {
        let mine = try expected(reader: author.publicKey)
        let event = try author.sign(mine.template(author: author.publicKey, now: now))
        #expect(throws: PeerAuthenticationError.otherAuthor(author.publicKey)) {
            try mine.check(event, author: nil, now: now)
        }
    }

    @Test(arguments: [(-60, true), (60, true), (-61, false), (61, false)])
    func theWindowIsOneMinuteBothWays(_ offset: Int64, _ fresh: Bool) throws {
        let event = try proof()
        if fresh {
            try expected().check(event, author: nil, now: now + offset)
        } else {
            #expect(throws: PeerAuthenticationError.notFresh(seconds: -offset)) {
                try expected().check(event, author: nil, now: now + offset)
            }
        }
    }

    @Test func extremeTimesDoNotTrap() throws {
        var template = try expected().template(author: author.publicKey, now: .min)
        template.createdAt = .min
        let event = try author.sign(template)
        #expect(throws: PeerAuthenticationError.self) { try expected().check(event, author: nil, now: .max) }
    }

    @Test func otherShapesAreRefused() throws {
        let right = try expected().template(author: author.publicKey, now: now)
        var content = right
        content.content = "x"
        var kind = right
        kind.kind = 1
        var extra = right
        extra.tags.append(["relay", "ws://other"])
        var swapped = right
        swapped.tags.swapAt(0, 1)
        for wrong in [content, kind, extra, swapped] {
            #expect(throws: PeerAuthenticationError.self) {
                try expected().check(try author.sign(wrong), author: nil, now: now)
            }
        }
    }

    @Test func aForgedSignatureIsRefused() throws {
        let event = try proof()
        let forged = SignedEvent(event.template, signature: [UInt8](repeating: 1, count: 64))
        #expect(throws: PeerAuthenticationError.event(.wrongSignature)) {
            try expected().check(forged, author: nil, now: now)
        }
    }

    @Test(arguments: ["", "00", String(repeating: "A", count: 64), String(repeating: "0", count: 65)])
    func malformedChallengesAreRefused(_ text: String) {
        #expect(
            PeerAuthentication(endpoint: endpoint, challenge: text, reader: reader.publicKey, side: .dialer)
                == nil)
    }

    @Test(arguments: ["", "http://x", "ws://a b", "ws://\n", "ws://" + String(repeating: "a", count: 200)])
    func malformedEndpointsAreRefused(_ text: String) {
        #expect(
            PeerAuthentication(endpoint: text, challenge: challenge, reader: reader.publicKey, side: .dialer)
                == nil)
    }

    @Test func challengesDiffer() {
        #expect(Set((0..<100).map { _ in PeerAuthentication.newChallenge() }).count == 100)
    }
}
