// Proves what a bad provider, a bad client and a lying backend can do where payments are held: delay, or cost one job.

import NIOConcurrencyHelpers
import NodeConfig
import NodeModel
import Nostr
import Testing
import Wire

@testable import Interfaces
@testable import LedgerCore

@Suite struct HostileHeldTests {
    /// An offer that the provider signs, whatever it is of.
    private func offer(
        _ nodes: HeldFixture, _ hash: Digest, _ amount: Int64, isHeld: Bool = true
    ) throws -> SignedEvent {
        let offer = CreditOffer(
            provider: nodes.keys.provider, client: nodes.keys.client, asset: HeldFixture.asset,
            amount: amount, hash: hash, isHeld: isHeld, createdAt: nodes.now / 1000)
        return try nodes.provider.key.sign(offer.template)
    }

    @Test func aProviderThatOffersAnythingElseIsNotPaid() async throws {
        let nodes = try HeldFixture()
        try await nodes.funded()
        let request = try await nodes.ask()
        let hash = try nodes.hash(request)
        let (own, other) = (try KnownInvoice.named("own-0"), try KnownInvoice.named("own-1"))
        let wrong = WireError(.verificationFailed, "")
        // An invoice on a hash of its own, held or not; on the right hash, but not said to be held; for another amount.
        for (event, invoice) in [
            (try offer(nodes, other.digest, 2_001_000), other.text),
            (try offer(nodes, other.digest, 2_001_000, isHeld: false), other.text),
            (try offer(nodes, hash, 2_000_000, isHeld: false), own.text),
            (try offer(nodes, hash, 2_001_000), own.text), (try offer(nodes, hash, 2_000_000), other.text),
        ] {
            await #expect(throws: wrong) {
                try await nodes.pay(CreditAnswer(offer: event, invoice: invoice), hash)
            }
        }
        // The right one, where credit that is paid ahead was asked for; and by hand.
        await #expect(throws: wrong) {
            try await nodes.pay(
                CreditAnswer(offer: try offer(nodes, hash, 2_000_000), invoice: own.text), nil)
        }
        await #expect(throws: WireError(.conflict, "")) {
            try await nodes.client.payInvoice(.init(invoice: own.text))
        }
        // A hash that this node never drew.
        await #expect(throws: WireError(.conflict, "")) {
            try await nodes.pay(
                CreditAnswer(offer: try offer(nodes, other.digest, 2_001_000), invoice: other.text),
                other.digest)
        }
        #expect(try await nodes.wallet(nodes.client) == HeldFixture.funds)
        #expect(nodes.network.withLockedValue { $0.invoices.isEmpty })
        try await nodes.requireSound()
    }

    @Test func aProviderThatTakesNothingGetsNothing() async throws {
        let nodes = try HeldFixture()
        let hash = try await nodes.held()
        _ = try #require(try await nodes.run(1))
        // It never takes what was revealed to it; in the end the payment goes back by itself.
        nodes.network.withLockedValue { $0.invoices[hash.hex]?.state = "CANCELED" }
        nodes.wait(60)
        _ = await nodes.client.lightning?.pass()
        #expect(try await nodes.states(hash)[0] == "back")
        #expect(try await nodes.wallet(nodes.client) == HeldFixture.funds)
        #expect(try await nodes.credit()[0] == 0)
        // What came back is not paid again.
        let answer = CreditAnswer(
            offer: try await nodes.provider.ledger.word(hash), invoice: try KnownInvoice.named("own-0").text)
        await #expect(throws: WireError(.conflict, "")) { try await nodes.pay(answer, hash) }
        await nodes.look()
        #expect(try await nodes.states(hash)[1] == "cancelled")
        try await nodes.requireSound()
    }

    @Test func aPromiseEndsWithThePayment() async throws {
        let nodes = try HeldFixture()
        let hash = try await nodes.held()
        try await nodes.take(1, try await nodes.promise(1))
        let receipt = try await nodes.receipt(1)
        nodes.network.withLockedValue { $0.invoices[hash.hex]?.state = "CANCELED" }
        nodes.wait(60)
        await nodes.look()
        // Too late: nothing is accepted, and so nothing revealed.
        await #expect(throws: WireError(.policyRefused, "")) { try await nodes.client.accept(receipt) }
        #expect(try await nodes.wallet(nodes.client) == HeldFixture.funds)
        #expect(try await nodes.wallet(nodes.provider) == 0)
        try await nodes.requireSound()
    }

    @Test func aClientThatRevealsNonsenseGetsNothing() async throws {
        let nodes = try HeldFixture()
        let hash = try await nodes.held()
        try await nodes.take(1, try await nodes.promise(1))
        _ = try await nodes.receipt(1)
        func reveal(_ secret: [UInt8], by signer: SecretKey, on hash: Digest) throws -> SignedEvent {
            let key = try NIP44.ConversationKey(signer, with: nodes.keys.provider)
            return try signer.sign(
                CreditRequest(
                    client: signer.publicKey, provider: nodes.keys.provider, asset: HeldFixture.asset,
                    wish: .reveal(hash, sealed: try NIP44.encrypt(Hex.encode(secret), key)),
                    createdAt: nodes.now / 1000
                ).template)
        }
        let (own, other) = (try KnownInvoice.named("own-0"), try KnownInvoice.named("own-1"))
        for secret in [other.secret, Array(own.secret.dropLast()), own.secret + own.secret, [1]] {
            await #expect(throws: WireError.self) {
                try await nodes.provider.serveCredit(try reveal(secret, by: nodes.client.key, on: hash))
            }
        }
        // The right one by somebody else, and one of a hash that nobody asked for.
        await #expect(throws: WireError(.notFound, "")) {
            try await nodes.provider.serveCredit(try reveal(own.secret, by: .generate(), on: hash))
        }
        await #expect(throws: WireError(.notFound, "")) {
            try await nodes.provider.serveCredit(
                try reveal(other.secret, by: nodes.client.key, on: other.digest))
        }
        await nodes.look()
        #expect(nodes.network(hash)?.state == "ACCEPTED")
        // It costs the provider this job, and no more: at its end it goes back, and what is revealed then is too late.
        nodes.wait(CreditSection().holdSeconds)
        _ = await nodes.provider.lightning?.pass()
        let late = try reveal(own.secret, by: nodes.client.key, on: hash)
        #expect(try await nodes.provider.serveCredit(late).state == "cancelled")
        await nodes.look(3)
        #expect(try await nodes.states(hash)[1] == "cancelled")
        #expect(nodes.network(hash)?.state == "CANCELED")
        try await nodes.requireSound()
    }

    @Test func nobodyAsksForAHashThatIsKnown() async throws {
        let nodes = try HeldFixture()
        let hash = try await nodes.held()
        let thief = SecretKey.generate()
        let request = CreditRequest(
            client: thief.publicKey, provider: nodes.keys.provider, asset: HeldFixture.asset,
            wish: .hold(HeldFixture.amount, hash), createdAt: nodes.now / 1000)
        await #expect(throws: WireError(.conflict, "")) {
            try await nodes.provider.serveCredit(try thief.sign(request.template))
        }
        try await nodes.requireSound()
    }

    @Test func aBackendThatSaysTakenTooEarlyIsNotBelieved() async throws {
        let nodes = try HeldFixture()
        let hash = try await nodes.held()
        nodes.services.provider.lie.withLockedValue {
            $0 = { path, status, body in
                (status, path.hasPrefix("/v1/invoice/") ? body.replacing("ACCEPTED", with: "SETTLED") : body)
            }
        }
        await nodes.look(3)
        #expect(try await nodes.states(hash) == ["held", "held"])
        #expect(try await nodes.wallet(nodes.provider) == 0)
        try await nodes.requireSound()
    }

    @Test func aBackendThatLiesAboutHoldingCostsOneJob() async throws {
        let nodes = try HeldFixture()
        try await nodes.funded()
        let request = try await nodes.ask()
        let answer = try await nodes.provider.serveCredit(request)
        let hash = try nodes.hash(request)
        nodes.network.withLockedValue { $0.loses = true }
        _ = try await nodes.pay(answer, hash)
        nodes.services.provider.lie.withLockedValue {
            $0 = { path, status, body in
                (status, path.hasPrefix("/v1/invoice/") ? body.replacing("OPEN", with: "ACCEPTED") : body)
            }
        }
        await nodes.look()
        let reveal = try #require(try await nodes.run(1))
        _ = try await nodes.provider.serveCredit(reveal)
        await nodes.look()
        // LND itself refuses to take what is not there: nothing is booked as the provider's own.
        #expect(try await nodes.states(hash)[1] == "revealed")
        #expect(try await nodes.wallet(nodes.provider) == 0)
        nodes.services.provider.lie.withLockedValue { $0 = nil }
        nodes.network.withLockedValue { $0.invoices[hash.hex]?.state = "CANCELED" }
        nodes.wait(60)
        await nodes.look()
        #expect(try await nodes.states(hash) == ["back", "expired"])
        #expect(try await nodes.wallet(nodes.client) == HeldFixture.funds)
        try await nodes.requireSound()
    }

    @Test func blocksThatComeFastEndItEarly() async throws {
        let nodes = try HeldFixture()
        let hash = try await nodes.held()
        nodes.network.withLockedValue { $0.height = $0.end - Int(HoldMachine.margin) }
        await nodes.look(2)
        #expect(nodes.network(hash)?.state == "CANCELED")
        nodes.wait(40)
        await nodes.look(2)
        #expect(try await nodes.states(hash) == ["back", "cancelled"])
        try await nodes.requireSound()
    }
}

@Suite struct HoldMachineTests {
    /// Every decision on many thousand random views keeps to the rules.
    @Test func noViewLetsTheMachineBreakARule() {
        var random = SeededRandom(state: 11)
        let start: Int64 = 1_790_000_000
        for _ in 0..<50_000 {
            let state = HoldMachine.State.allCases.randomElement(using: &random) ?? .held
            let isRevealed = state == .held && Bool.random(using: &random)
            let machine = HoldMachine(
                state: state, since: start, isRevealed: isRevealed,
                expiresAt: state == .asked ? nil : start + 600, holdSeconds: 900)
            let now = start + Int64.random(in: -10...20_000, using: &random)
            let claims: [LightningClaim] = [
                .paid(preimage: [1], fee: nil), .paid(preimage: [2], fee: nil),
                .paid(preimage: nil, fee: nil),
                .pending, .held(until: nil), .held(until: 900), .failed("why"), .unknown,
            ]
            let claim = claims.randomElement(using: &random) ?? .unknown
            let height: Int64? =
                Bool.random(using: &random) ? Int64.random(in: 0...1_000, using: &random) : nil
            switch machine.next(claim, height: height, now: now, proves: { $0 == [1] }) {
            case .hold:
                guard case .held = claim else {
                    Issue.record("held without the word")
                    continue
                }
                #expect(state == .open)
            case .settle: #expect(state == .held && isRevealed)
            case .cancel: #expect(!isRevealed && !state.isOver)
            case .settled(let shown):
                #expect(shown == [1] || (shown == nil && isRevealed))
                #expect(claim == .paid(preimage: shown, fee: nil))
            case .end(let end, _):
                #expect(end.isOver && end != .settled && state.mayBecome(end))
                #expect(claim == .failed("why") || claim == .unknown)
                // What was revealed ends only when the backend says plainly that it went back, or long after.
                if isRevealed, claim == .unknown { #expect(now >= start + 900 + HoldMachine.patience) }
            case .wait: continue
            }
        }
    }

    @Test func noStateIsLeftOnceItIsOver() {
        for state in HoldMachine.State.allCases where state.isOver {
            for next in HoldMachine.State.allCases { #expect(!state.mayBecome(next)) }
        }
        #expect(!HoldMachine.State.cancelling.mayBecome(.held) && !HoldMachine.State.held.mayBecome(.open))
    }
}
