// Proves that whatever a carrier drops, delays, repeats, reorders or makes up, each invoice is paid at most once, nothing
// is settled without its preimage, and the books end as the backend's do.

import Foundation
import Lightning
import NIOConcurrencyHelpers
import NodeModel
import Testing
import Wire

@testable import LedgerCore

@Suite struct LightningMachineTests {
    /// Every decision on many thousand random views keeps to the rules.
    @Test func noViewLetsTheMachineBreakARule() throws {
        let known = try KnownInvoice.named("coffee-0")
        let invoice = try Invoice(known.text)
        let end = Int64(invoice.expiresAt)
        var random = SeededRandom(state: 7)
        for _ in 0..<20_000 {
            let now = Int64.random(in: KnownInvoice.made...(end + 300), using: &random)
            let sentAt =
                Bool.random(using: &random) ? now - Int64.random(in: -100...4_000, using: &random) : nil
            let preimages: [[UInt8]?] = [nil, [], known.secret, Array(known.secret.reversed())]
            let claims: [LightningClaim] = [
                .paid(
                    preimage: preimages.randomElement(using: &random) ?? nil,
                    fee: [nil, -5, 9].randomElement(using: &random) ?? nil),
                .pending, .failed("why"), .unknown,
            ]
            let claim = claims.randomElement(using: &random) ?? .unknown
            let refusal = Bool.random(using: &random) ? "no" : nil
            let refusesTwice = Bool.random(using: &random)
            let machine = LightningPaymentMachine(
                invoice: invoice, sentAt: sentAt, refusesTwice: refusesTwice)
            let isGone = sentAt.map { now >= $0 + LightningPaymentMachine.grace } ?? true
            switch machine.next(claim, refusal: refusal, now: now) {
            case .settle(let preimage, let fee):
                #expect(Digest(hashing: preimage) == known.digest && fee >= 0)
            case .send:
                #expect(now < end)
                guard sentAt != nil else { continue }
                #expect(claim == .unknown && isGone && refusal == nil && refusesTwice)
            case .fail:
                #expect(claim == .unknown || claim == .failed("why"))
                if sentAt != nil, refusal == nil {
                    #expect(isGone && (claim == .failed("why") || now >= end + LightningPaymentMachine.grace))
                } else if sentAt == nil {
                    #expect(now >= end)
                }
            case .answered: #expect(claim == .pending)
            case .wait: #expect(claim != .pending)
            }
        }
    }
}

/// A carrier between ledger-d and a small LNbits, which is as bad as a seed makes it.
private final class StormyCarrier: KeyedCarrier, Sendable {
    private struct State {
        var random: SeededRandom
        var late: [(path: String, body: String, after: Int64)] = []
        var old: [(status: Int, body: String)] = []
        var isCalm = false
    }
    private let service: ModelLNbits
    private let now: @Sendable () -> Int64
    private let state: NIOLockedValueBox<State>

    init(_ service: ModelLNbits, seed: UInt64, now: @escaping @Sendable () -> Int64) {
        self.service = service
        self.now = now
        state = NIOLockedValueBox(State(random: SeededRandom(state: seed)))
    }

    func calm() { state.withLockedValue { $0.isCalm = true } }

    func carry(
        _ endpoint: String, path: String, body: String, secret: String
    ) async throws -> (status: Int, body: String) {
        // What was held back arrives, within the time that ledger-d allows for it.
        let due = state.withLockedValue { state -> [(path: String, body: String, after: Int64)] in
            let due = state.late.filter { $0.after <= now() }
            state.late.removeAll { $0.after <= now() }
            return due
        }
        for request in due { _ = try await through(request.path, request.body, secret) }
        let (kind, pick, delay, isCalm) = state.withLockedValue { state in
            (
                Int.random(in: 0..<12, using: &state.random),
                Int.random(in: 0..<10_000, using: &state.random),
                Int64.random(in: 1...25, using: &state.random), state.isCalm
            )
        }
        if isCalm { return try await through(path, body, secret) }
        switch kind {
        case 0: throw WireError(.unavailable, "the request was dropped")
        case 1:
            _ = try await through(path, body, secret)
            throw WireError(.unavailable, "the answer was dropped")
        case 2:
            state.withLockedValue { $0.late.append((path, body, now() + delay * 1000)) }
            throw WireError(.deadlineExceeded, "the request is late")
        case 3:
            _ = try await through(path, body, secret)
            return try await through(path, body, secret)
        case 4:
            let old = state.withLockedValue { $0.old.isEmpty ? nil : $0.old[pick % $0.old.count] }
            // An old answer to a question about the same payment could be true; one to a payment is only noise.
            if let old, body.isEmpty, !old.body.contains("\"paid\":false") { return old }
            return try await through(path, body, secret)
        case 5: return forged(path, pick)
        case 6: return (500, "<html>gateway</html>")
        default: return try await through(path, body, secret)
        }
    }

    private func through(_ path: String, _ body: String, _ secret: String) async throws -> (Int, String) {
        let answer = try await service.carry("", path: path, body: body, secret: secret)
        // Refusals name no payment: one that is repeated would be a plain lie about another, and not an old answer.
        if body.isEmpty, answer.status == 200 { state.withLockedValue { $0.old.append(answer) } }
        return answer
    }

    /// Paid, with something wrong in it.
    private func forged(_ path: String, _ pick: Int) -> (status: Int, body: String) {
        let hash = path.split(separator: "/").last.map(String.init) ?? ""
        let other = KnownInvoice.all[pick % KnownInvoice.all.count]
        let lies = [
            ModelLNbits.Payment(amount: -1, status: "success", preimage: other.preimage),
            ModelLNbits.Payment(amount: 5, status: "success", preimage: other.preimage),
        ]
        let lie = lies[pick % 2]
        let named = pick % 3 == 0 ? other.hash : hash
        let preimage = other.hash == hash ? other.hash : lie.preimage
        return (
            200,
            #"{"paid":true,"preimage":"\#(preimage)","details":\#(ModelLNbits.text(named, lie))}"#
        )
    }
}

@Suite struct HostileBackendTests {
    private struct Storm {
        let node: LightningFixture
        let carrier: StormyCarrier
    }

    private func storm(_ seed: UInt64, over: LightningFixture? = nil) throws -> Storm {
        let service = over?.service ?? ModelLNbits()
        let place = try over?.place ?? DeedFixture()
        let time = over?.time ?? NIOLockedValueBox(KnownInvoice.made * 1000 + 1_000)
        let carrier = StormyCarrier(service, seed: seed) { time.withLockedValue { $0 } }
        let backend = LNbitsBackend(
            endpoint: "lightning/savings", carrier: carrier,
            key: AccountKey(stateDirectory: place.directory, credentialsDirectory: nil))
        return Storm(
            node: try LightningFixture(service, place: place, time: time, backend: backend), carrier: carrier)
    }

    @Test func whateverACarrierDoesEachInvoiceIsPaidAtMostOnceAndBookedAsItWas() async throws {
        for seed in 1...24 as ClosedRange<UInt64> {
            var storm = try storm(seed)
            try await storm.node.funded()
            let names = (0..<4).map { "coffee-\($0)" }
            let manners: [ModelLNbits.Manner] = [.pays, .waits, .fails, .pays]
            for (index, name) in names.enumerated() {
                storm.node.service.change { $0.manner = manners[(index + Int(seed)) % 4] }
                _ = try await storm.node.ask(name)
                await storm.node.look(4)
                // The process dies and begins again, in the same weather.
                if index == 2 { storm = try self.storm(seed + 1_000, over: storm.node) }
            }
            await storm.node.look(12, every: 7)
            for name in names { #expect(try storm.node.left(name) <= 1, "seed \(seed)") }
            storm.node.service.complete()
            storm.carrier.calm()
            storm.node.service.change { $0.manner = .pays }
            await storm.node.look(40)
            var spent: Int64 = 0
            for name in names {
                let payment = try await storm.node.payment(name)
                let paid = try storm.node.left(name)
                #expect(
                    paid <= 1 && payment.state == (paid == 1 ? .settled : .failed), "seed \(seed): \(name)")
                if paid == 1 { spent += try #require(try KnownInvoice.named(name).amount) + 3_000 }
            }
            #expect(try await storm.node.wallet() == LightningFixture.fund - spent, "seed \(seed)")
            #expect(try await storm.node.ledger.audit().faults == [], "seed \(seed)")
        }
    }

    @Test func invoicesAreBookedOnceInAnyWeather() async throws {
        for seed in 1...20 as ClosedRange<UInt64> {
            let storm = try storm(seed)
            var known: OwnInvoice?
            for _ in 0..<30 where known == nil {
                known = try? await storm.node.rail.makeInvoice(amount: 2_000_000, memo: "for the model")
                if storm.node.service.change({ $0.coming.first?.name != "own-0" }), known == nil { break }
            }
            guard known != nil else { continue }
            await storm.node.look(6)
            #expect(try await storm.node.wallet() == 0, "seed \(seed)")
            storm.node.service.receive(try KnownInvoice.named("own-0"))
            await storm.node.look(10)
            let wallet = try await storm.node.wallet()
            #expect(wallet == 0 || wallet == 2_000_000, "seed \(seed)")
            storm.carrier.calm()
            await storm.node.look(2)
            #expect(try await storm.node.wallet() == 2_000_000, "seed \(seed)")
            #expect(try await storm.node.ledger.audit().faults == [], "seed \(seed)")
        }
    }

    /// A backend that pays whatever it is asked to, as often as it is asked.
    private final class Forgetful: LightningBackend, Sendable {
        let refusesTwice = false
        let paysAnyAmount = true
        let invoiceStep: Int64 = 1
        let paid = NIOLockedValueBox<[Int64?]>([])
        let knows = NIOLockedValueBox(false)
        func pay(_ invoice: String, amount: Int64?, feeCeiling: Int64) async throws -> LightningWord? {
            paid.withLockedValue { $0.append(amount) }
            throw LightningTrouble.silent("nothing was heard")
        }
        func payment(_ hash: Digest) async throws -> LightningClaim {
            guard knows.withLockedValue({ $0 }) else { return .unknown }
            return .paid(preimage: try KnownInvoice.named("open").secret, fee: nil)
        }
        func makeInvoice(amount: Int64, memo: String, seconds: Int64) async throws -> String { "" }
        func invoice(_ hash: Digest) async throws -> LightningClaim { .unknown }
        func standing() async throws -> String { "" }
    }

    @Test func aBackendThatMightPayTwiceIsAskedOnce() async throws {
        let backend = Forgetful()
        let node = try LightningFixture(backend: backend)
        try await node.funded()
        _ = try await node.ask("open", amount: 4_200)
        await #expect(throws: WireError(.conflict, "")) { try await node.ask("open", amount: 4_201) }
        await node.look(300, every: 10)
        #expect(backend.paid.withLockedValue { $0 } == [4_200])
        #expect(try await node.payment("open").state == .handed)
        backend.knows.withLockedValue { $0 = true }
        await node.look()
        #expect(try await node.payment("open").state == .settled)
        #expect(try await node.wallet() == LightningFixture.fund - 4_200)
    }
}

@Suite struct AccountKeyTests {
    @Test func aKeyThatOthersCouldReadIsNotUsed() throws {
        let place = try DeedFixture()
        let key = AccountKey(stateDirectory: place.directory, credentialsDirectory: nil)
        #expect(throws: LightningTrouble.self) { try key.read() }
        try LightningFixture.put("secret", at: key.path, mode: 0o640)
        let error = #expect(throws: LightningTrouble.self) { try key.read() }
        #expect(error?.description.contains("secret") == false)
        try LightningFixture.put("secret\n", at: key.path)
        #expect(try key.read() == "secret")
        for text in ["", "\n", "two words\n", "two\nlines\n", String(repeating: "a", count: 9_000)] {
            try LightningFixture.put(text, at: key.path)
            #expect(throws: LightningTrouble.self) { try key.read() }
        }
        // What the parent unsealed comes first, whatever its mode says.
        let sealed = try DeedFixture()
        try LightningFixture.put(
            "sealed\n", at: sealed.directory + "/" + AccountKey.sealedName, mode: 0o440)
        let other = AccountKey(stateDirectory: place.directory, credentialsDirectory: sealed.directory)
        #expect(try other.isSealed && other.read() == "sealed")
    }
}
