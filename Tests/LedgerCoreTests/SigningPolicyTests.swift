// Proves what the node's key does not sign: each rule with the request that breaks only it.

import NodeModel
import Nostr
import Testing
import Wire

@testable import LedgerCore

@Suite struct SigningPolicyTests {
    let fixture: LedgerFixture
    let key = SecretKey.generate()
    let stranger = SecretKey.generate()
    let challenge = PeerAuthentication.newChallenge()
    var policy: SigningPolicy { SigningPolicy(node: key.publicKey) }
    var now: Int64 { fixture.now }

    init() throws { fixture = try LedgerFixture() }

    private func refused(_ field: String, _ body: () throws -> Void) throws {
        let error = try #require(throws: WireError.self) { try body() }
        #expect(error.code == .policyRefused && error.message.contains("'\(field)'"), "\(error)")
    }

    @Test func aRefusalNamesFieldRuleAndValue() throws {
        let error = try #require(throws: WireError.self) {
            _ = try policy.peerAuthentication(
                challenge: challenge, peer: stranger.publicKey,
                endpoint: "http://a/\u{1B}[31m" + String(repeating: "x", count: 500), dialer: true, now: now)
        }
        #expect(error.message.contains("'endpoint'") && error.message.contains("it is 'http://a/[31mxxx"))
        #expect(!error.message.contains("\u{1B}") && error.message.utf8.count < 400)
        let early = try #require(throws: WireError.self) {
            _ = try policy.quote(
                for: stranger.publicKey,
                QuoteTerms(
                    job: ChannelFixture.job(1), modelRoot: Digest(hashing: "model"),
                    payload: Digest(hashing: "payload"), size: 0,
                    unitPrice: UnitPrice(asset: DeedFixture.usdc, prompt: 1, completion: 2), maxTokens: 5),
                now: now)
        }
        #expect(
            early.message.contains("unit_price.asset")
                && early.message.contains("it is 'eip155:137/erc20:0x3c"))
    }

    @Test func authenticationIsBoundToBothEnds() throws {
        let template = try policy.peerAuthentication(
            challenge: challenge, peer: stranger.publicKey, endpoint: "ws://127.0.0.3:9103/peer",
            dialer: true, now: now)
        let expected = try #require(
            PeerAuthentication(
                endpoint: "ws://127.0.0.3:9103/peer", challenge: challenge, reader: stranger.publicKey,
                side: .dialer))
        #expect(try expected.check(try key.sign(template), author: key.publicKey, now: now) == key.publicKey)
    }

    @Test(arguments: ["", "abc", String(repeating: "Z", count: 64), String(repeating: "A", count: 64)])
    func aMalformedChallengeIsRefused(_ text: String) throws {
        try refused("challenge") {
            _ = try policy.peerAuthentication(
                challenge: text, peer: stranger.publicKey, endpoint: "ws://a/peer", dialer: true, now: now)
        }
    }

    @Test func otherAuthenticationsAreRefused() throws {
        try refused("endpoint") {
            _ = try policy.peerAuthentication(
                challenge: challenge, peer: stranger.publicKey, endpoint: "http://a", dialer: true, now: now)
        }
        try refused("peer") {
            _ = try policy.peerAuthentication(
                challenge: challenge, peer: key.publicKey, endpoint: "ws://a/peer", dialer: true, now: now)
        }
        let nobody = try #require(PublicKey(bytes: [UInt8](repeating: 0, count: 32)))
        try refused("peer") {
            _ = try policy.peerAuthentication(
                challenge: challenge, peer: nobody, endpoint: "ws://a/peer", dialer: true, now: now)
        }
    }

    @Test func whatARelayIsToldProvesNothingToAPeer() throws {
        let template = try policy.relayAuthentication(
            author: key.publicKey, relay: "ws://127.0.0.3:9103/peer", challenge: challenge, now: now)
        #expect(
            template.kind == 22242 && template.content.isEmpty
                && template.tags == [["relay", "ws://127.0.0.3:9103/peer"], ["challenge", challenge]])
        let event = try key.sign(template)
        for side in [PeerAuthentication.Side.dialer, .listener] {
            let expected = try #require(
                PeerAuthentication(
                    endpoint: "ws://127.0.0.3:9103/peer", challenge: challenge, reader: stranger.publicKey,
                    side: side))
            #expect(throws: PeerAuthenticationError.wrongTags) {
                try expected.check(event, author: key.publicKey, now: now)
            }
        }
        for wrong in ["", String(repeating: "x", count: 257), "two\nlines"] {
            try refused("challenge") {
                _ = try policy.relayAuthentication(
                    author: key.publicKey, relay: "wss://a", challenge: wrong, now: now)
            }
        }
        try refused("relay") {
            _ = try policy.relayAuthentication(
                author: key.publicKey, relay: "http://a", challenge: "x", now: now)
        }
    }

    private func card(_ change: (inout ProviderCard) -> Void = { _ in }) -> ProviderCard {
        var card = ProviderCard(
            provider: key.publicKey, endpoint: "ws://127.0.0.3:9103/peer",
            models: [
                ModelOffer(
                    name: "m", root: Digest(hashing: "model"), context: 2048,
                    price: UnitPrice(prompt: 1, completion: 2))
            ], device: "cpu", memoryMiB: 1024, slots: 1, load: 0, createdAt: now, expiresAt: now + 1_800)
        change(&card)
        return card
    }

    @Test func aCardForHalfAnHourIsSigned() throws {
        let event = try key.sign(try policy.card(card(), now: now))
        #expect(ProviderCard(event) == card())
    }

    @Test func otherCardsAreRefused() throws {
        let cases: [(String, (inout ProviderCard) -> Void)] = [
            ("card.provider", { $0.provider = stranger.publicKey }),
            ("card.created_at", { $0.createdAt = now - 61 }),
            ("card.created_at", { $0.createdAt = now + 61 }),
            ("card.created_at", { $0.createdAt = .min }), ("card.expires_at", { $0.expiresAt = now }),
            ("card.expires_at", { $0.expiresAt = now + 1_801 }), ("card.expires_at", { $0.expiresAt = .max }),
            ("card.endpoint", { $0.endpoint = "ws://a b" }), ("card", { $0.load = 16 }),
            ("card", { $0.models[0].name = "Upper" }), ("card", { $0.models[0].price.prompt = -1 }),
        ]
        for (field, change) in cases {
            try refused(field) { _ = try policy.card(card(change), now: now) }
        }
    }

    private func descriptor(_ change: (inout ProviderDescriptor) -> Void = { _ in }) -> ProviderDescriptor {
        var descriptor = ProviderDescriptor(
            provider: key.publicKey, endpoints: ["ws://127.0.0.3:9103/peer"],
            statusAddresses: ["127.0.0.3:9203"],
            devices: [.init(kind: "cpu", name: "a CPU", memoryMiB: 1024, driver: nil)], slots: 1,
            models: [
                .init(
                    name: "m", root: Digest(hashing: "model"), sha256: Digest(hashing: "file"), size: 7,
                    format: "gguf", context: 2048, details: [:], price: UnitPrice(prompt: 1, completion: 2))
            ], image: nil, payTo: nil, createdAt: now)
        change(&descriptor)
        return descriptor
    }

    @Test func theOwnDescriptorIsSigned() throws {
        let event = try key.sign(try policy.descriptor(descriptor(), now: now))
        #expect(try ProviderDescriptor(unproven: event) == descriptor())
    }

    @Test func otherDescriptorsAreRefused() throws {
        let cases: [(String, (inout ProviderDescriptor) -> Void)] = [
            ("descriptor.provider", { $0.provider = stranger.publicKey }),
            ("descriptor.created_at", { $0.createdAt = now - 61 }),
            ("descriptor.created_at", { $0.createdAt = now + 61 }),
            ("descriptor.created_at", { $0.createdAt = .max }),
            ("descriptor.endpoints", { $0.endpoints.append("http://a") }),
            // A price in dollars, of a node that takes none.
            ("unit_price.asset", { $0.models[0].price.asset = DeedFixture.usdc }),
            ("descriptor", { $0.slots = -1 }), ("descriptor", { $0.models[0].name = "Upper" }),
        ]
        for (field, change) in cases {
            try refused(field) { _ = try policy.descriptor(descriptor(change), now: now) }
        }
    }

    @Test func theOwnStatusOfThisMinuteIsSigned() throws {
        func status(_ change: (inout ProviderStatus) -> Void = { _ in }) -> ProviderStatus {
            var status = ProviderStatus(
                provider: key.publicKey, challenge: "0123456789abcdef", accepts: true, slots: 4, busy: 1,
                queued: 0, createdAt: now)
            change(&status)
            return status
        }
        #expect(ProviderStatus(try key.sign(try policy.status(status(), now: now))) == status())
        let cases: [(String, (inout ProviderStatus) -> Void)] = [
            ("status.provider", { $0.provider = stranger.publicKey }),
            ("status.created_at", { $0.createdAt = now - 61 }),
            ("status.created_at", { $0.createdAt = now + 61 }),
            ("status.created_at", { $0.createdAt = .min }), ("status.created_at", { $0.createdAt = .max }),
            ("status", { $0.challenge = "01" }), ("status", { $0.slots = -1 }),
            ("status", { $0.loaded = ["UPPER"] }),
        ]
        for (field, change) in cases {
            try refused(field) { _ = try policy.status(status(change), now: now) }
        }
    }

    @Test func otherReceiptsAreRefused() throws {
        let right = try fixture.body(provider: key.publicKey, client: stranger.publicKey)
        _ = try policy.receipt(right, now: now)
        let cases: [(String, (inout ReceiptBody) -> Void)] = [
            ("body.provider", { $0.provider = stranger.publicKey }), ("body", { $0.price += 1 }),
            ("body", { $0.usage.completionTokens = -1 }), ("body", { $0.timings.queueMs = -1 }),
            ("body", { $0.unitPrice.prompt = -1 }), ("body", { $0.version = 2 }),
            ("body.image", { $0.image = "latest" }), ("body.model", { $0.model = "" }),
            ("unit_price.asset", { $0.unitPrice.asset = Asset(rawValue: "eip155:137/slip44:966") }),
            ("body.finished_at", { $0.finishedAt = now + 61 }),
            ("body.finished_at", { $0.finishedAt = .max }),
            ("body.finished_at", { $0.finishedAt = .min }),
            ("body.finished_at", { $0.finishedAt = now - 86_401 }),
        ]
        for (field, change) in cases {
            var wrong = right
            change(&wrong)
            try refused(field) { _ = try policy.receipt(wrong, now: now) }
        }
    }

    @Test func onlyProvenReceiptsMadeOutToUsAreAccepted() throws {
        let receipt = try fixture.receipt(stranger, client: key.publicKey)
        #expect(try policy.receiptToAccept(receipt, now: now).price == 54)
        let other = try fixture.receipt(stranger, client: SecretKey.generate().publicKey)
        try refused("receipt.client") { _ = try policy.receiptToAccept(other, now: now) }
        let forged = SignedEvent(receipt.template, signature: [UInt8](repeating: 3, count: 64))
        let error = try #require(throws: WireError.self) { try policy.receiptToAccept(forged, now: now) }
        #expect(error.code == .verificationFailed)
    }

    @Test func onlyProvenAcceptancesOfOurReceiptsAreRecorded() throws {
        let receipt = try fixture.receipt(key, client: stranger.publicKey)
        let bundle = try fixture.acceptance(stranger, of: receipt)
        #expect(try policy.acceptanceToRecord(bundle).body.price == 54)
        try refused("acceptance") {
            _ = try policy.acceptanceToRecord(ReceiptBundle(receipt: receipt, acceptance: nil))
        }
        let foreign = try fixture.acceptance(key, of: try fixture.receipt(stranger, client: key.publicKey))
        try refused("receipt.provider") { _ = try policy.acceptanceToRecord(foreign) }
        let acceptance = try #require(bundle.acceptance)
        let forged = ReceiptBundle(
            receipt: receipt,
            acceptance: SignedEvent(acceptance.template, signature: [UInt8](repeating: 3, count: 64)))
        let error = try #require(throws: WireError.self) { try policy.acceptanceToRecord(forged) }
        #expect(error.code == .verificationFailed)
    }
}
