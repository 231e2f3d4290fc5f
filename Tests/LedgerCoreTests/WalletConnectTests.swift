// Proves that a wallet behind a relay (NIP-47) is asked in its own tongue, that only its own answer to this very request
// counts, and that whatever the carrier does no money moves wrongly.

import NIOConcurrencyHelpers
import NodeModel
import Testing
import Wire

@testable import LedgerCore
@testable import Nostr

/// A wallet service in memory behind a relay that does as it is told. It pays each hash as often as it is asked.
final class ModelWallet: RelayCarrier, Sendable {
    enum Way: Sendable {
        case open
        /// The event does not arrive, or the answer does not.
        case deaf, mute
        /// Another's words, or its own to an earlier request.
        case forged, stale
    }

    struct State {
        var way = Way.open
        var knowsNIP44 = true
        var refusal: String?
        var paid: [String: Int] = [:]
        var last: SignedEvent?
        var expirations: [Int64] = []
    }

    let key = SecretKey.generate()
    let client = SecretKey.generate()
    private let state = NIOLockedValueBox(State())
    /// Unix seconds.
    let clock: @Sendable () -> Int64

    init(clock: @escaping @Sendable () -> Int64) { self.clock = clock }

    var connection: String {
        "nostr+walletconnect://\(key.publicKey.hex)?relay=wss%3A%2F%2Frelay.example&secret=\(client.withBytes { Hex.encode($0) })"
    }

    func change<T>(_ body: (inout State) throws -> T) rethrows -> T { try state.withLockedValue(body) }

    func exchange(
        _ endpoint: String, _ event: SignedEvent, kind: Int, author: PublicKey
    ) async throws -> (answer: SignedEvent?, words: String) {
        try event.verify()
        guard endpoint == "lightning/savings", kind == 23195, author == key.publicKey,
            event.pubkey == client.publicKey
        else { throw WireError(.policyRefused, "not as it was agreed") }
        return try state.withLockedValue { state in
            if state.way == .deaf { throw WireError(.unavailable, "The relay did not take the event.") }
            state.expirations.append((event.onlyTag("expiration").flatMap { Int64($0) } ?? 0) - clock())
            let old = state.last
            let answer = try reply(to: event, &state)
            switch state.way {
            case .open: return (answer, "")
            case .mute, .deaf: return (nil, "")
            case .stale: return (old ?? answer, "")
            case .forged:
                let thief = SecretKey.generate()
                let wrong = EventTemplate(
                    pubkey: thief.publicKey, createdAt: answer.createdAt, kind: answer.kind,
                    tags: answer.tags,
                    content: answer.content)
                return (try thief.sign(wrong), "")
            }
        }
    }

    private func reply(to event: SignedEvent, _ state: inout State) throws -> SignedEvent {
        let asNIP44 = event.onlyTag("encryption") == "nip44_v2"
        let shared = try NIP44.ConversationKey(key, with: client.publicKey)
        let json: String
        if asNIP44, !state.knowsNIP44 {
            json = #"{"error":{"code":"UNSUPPORTED_ENCRYPTION","message":"nip04"}}"#
        } else {
            let question =
                asNIP44
                ? try NIP44.decrypt(event.content, shared)
                : try NIP04.decrypt(event.content, key, with: client.publicKey)
            json = try words(to: question, &state)
        }
        let content =
            asNIP44 && state.knowsNIP44
            ? try NIP44.encrypt(json, shared) : try NIP04.encrypt(json, key, with: client.publicKey)
        let answer = try key.sign(
            EventTemplate(
                pubkey: key.publicKey, createdAt: clock(), kind: 23195,
                tags: [["p", client.publicKey.hex], ["e", event.id]], content: content))
        state.last = answer
        return answer
    }

    private func words(to question: String, _ state: inout State) throws -> String {
        guard
            let invoice = KnownInvoice.all.first(where: {
                question.contains($0.text) || question.contains($0.hash)
            })
        else { return #"{"result_type":"get_balance","result":{"balance":77000}}"# }
        guard question.contains("pay_invoice") else {
            guard state.paid[invoice.hash] != nil else {
                return #"{"result_type":"lookup_invoice","error":{"code":"NOT_FOUND","message":""}}"#
            }
            return
                #"{"result_type":"lookup_invoice","result":{"type":"outgoing","state":"settled","amount":1000,"#
                + #""payment_hash":"\#(invoice.hash)","preimage":"\#(invoice.preimage)","fees_paid":2000}}"#
        }
        if let refusal = state.refusal {
            return #"{"result_type":"pay_invoice","error":{"code":"\#(refusal)","message":"no"}}"#
        }
        state.paid[invoice.hash, default: 0] += 1
        return #"{"result_type":"pay_invoice","result":{"preimage":"\#(invoice.preimage)","fees_paid":2000}}"#
    }
}

@Suite struct WalletConnectTests {
    private let node: LightningFixture
    private let wallet: ModelWallet

    init() async throws {
        let time = NIOLockedValueBox(KnownInvoice.made * 1000 + 1_000)
        let wallet = ModelWallet { time.withLockedValue { $0 / 1000 } }
        let place = try DeedFixture()
        let key = AccountKey(stateDirectory: place.directory, credentialsDirectory: nil)
        node = try LightningFixture(
            place: place, time: time,
            backend: WalletConnectBackend(
                endpoint: "lightning/savings", carrier: wallet, key: key,
                clock: { time.withLockedValue { $0 } }))
        try LightningFixture.put(wallet.connection + "\n", at: key.path)
        self.wallet = wallet
        try await node.funded()
    }

    @Test(arguments: [true, false])
    func anInvoiceIsPaidAndSettledByThePreimageThatCameBack(knowsNIP44: Bool) async throws {
        wallet.change { $0.knowsNIP44 = knowsNIP44 }
        await node.look()
        #expect(await node.rail.standing.reason == "heard; the wallet holds 77000 msat")
        _ = try await node.ask("coffee-0")
        await node.look()
        #expect(try await node.payment("coffee-0").state == .settled)
        #expect(try await node.wallet() == LightningFixture.fund - 1_002_000)
        // A request is void before anybody believes that it came to nothing.
        #expect(
            wallet.change { $0.expirations.allSatisfy { (1..<LightningPaymentMachine.grace).contains($0) } })
        #expect(try await node.ledger.audit().faults == [])
    }

    @Test func silenceIsLookedUpAndNeverAnsweredByPayingAgain() async throws {
        _ = try await node.ask("coffee-0")
        wallet.change { $0.way = .mute }
        await node.look(20, every: 10)
        // Even the look-up before it got no answer: nothing has left.
        #expect(wallet.change { $0.paid } == [:])
        for way in [ModelWallet.Way.forged, .stale, .deaf] {
            wallet.change { $0.way = way }
            await node.look(5, every: 10)
            #expect(try await node.payment("coffee-0").state == .asked, "\(way)")
            #expect(await !node.rail.standing.ok)
        }
        wallet.change { $0.way = .open }
        await node.look()
        #expect(try await node.payment("coffee-0").state == .settled)
    }

    /// The carrier turns mute between the look-up and the payment.
    private func lost(_ name: String) async throws {
        let backend = node.rail.backend
        _ = try await node.ask(name)
        let payment = try await node.payment(name)
        try await node.ledger.move(payment.id, to: .handed, "given", at: node.now)
        wallet.change { $0.way = .mute }
        await #expect(throws: LightningTrouble.self) {
            try await backend.pay(try KnownInvoice.named(name).text, amount: nil, feeCeiling: 0)
        }
    }

    @Test func whatWasPaidInSilenceIsFoundByItsHash() async throws {
        try await lost("coffee-1")
        await node.look(4, every: 20)
        #expect(try await node.payment("coffee-1").state == .handed)
        wallet.change { $0.way = .open }
        await node.look(2)
        #expect(try await node.payment("coffee-1").state == .settled)
        #expect(try wallet.change { $0.paid } == [KnownInvoice.named("coffee-1").hash: 1])
    }

    @Test(arguments: ["INSUFFICIENT_BALANCE", "QUOTA_EXCEEDED", "RESTRICTED", "UNAUTHORIZED"])
    func aPlainNoGivesTheMoneyBack(_ code: String) async throws {
        wallet.change { $0.refusal = code }
        _ = try await node.ask("coffee-2")
        await node.look(2)
        #expect(try await node.payment("coffee-2").state == .failed)
        #expect(try await node.payment("coffee-2").reason.contains(code))
        #expect(try await node.wallet() == LightningFixture.fund)
    }

    @Test(arguments: ["PAYMENT_FAILED", "INTERNAL", "OTHER", "NEW"])
    func whatMayStillPayDoesNot(_ code: String) async throws {
        wallet.change { $0.refusal = code }
        _ = try await node.ask("coffee-2")
        await node.look(10, every: 10)
        #expect(try await node.payment("coffee-2").state == .handed)
        #expect(try await node.wallet() < LightningFixture.fund)
    }

    @Test func aKeyThatIsNoConnectionIsSaid() async throws {
        let key = AccountKey(stateDirectory: node.place.directory, credentialsDirectory: nil)
        try LightningFixture.put("nostr+walletconnect://nonsense?secret=topsecret\n", at: key.path)
        await node.look()
        let standing = await node.rail.standing
        #expect(!standing.ok && standing.reason.contains("not a public key"))
        #expect(!standing.reason.contains("topsecret"))
    }

    @Test func aTransactionIsTakenForWhatItSaysItIs() {
        func claim(
            _ state: WalletTransaction.State?, isIncoming: Bool? = nil, settledAt: Int64? = nil,
            deadline: Int64? = nil, asked: Bool
        ) -> LightningClaim {
            WalletConnectBackend.claim(
                WalletTransaction(
                    paymentHash: Digest(hashing: ""), isIncoming: isIncoming, amount: 1, fees: 3,
                    invoice: nil,
                    preimage: nil, state: state, settledAt: settledAt, settleDeadline: deadline),
                isIncoming: asked)
        }
        #expect(claim(.settled, asked: true) == .paid(preimage: nil, fee: 3))
        #expect(claim(.settled, isIncoming: true, asked: false) == .unknown)
        #expect(claim(.settled, isIncoming: false, asked: true) == .unknown)
        #expect(claim(.accepted, asked: true) == .held(until: nil))
        #expect(claim(.accepted, deadline: 9, asked: true) == .held(until: 9))
        #expect(claim(.accepted, deadline: -9, asked: true) == .held(until: nil))
        #expect(claim(.accepted, deadline: 9, asked: false) == .pending)
        #expect(claim(.expired, asked: true) == .failed("the invoice ran out"))
        #expect(claim(.expired, asked: false) == .pending)
        #expect(claim(nil, asked: false) == .pending)
        #expect(claim(nil, settledAt: 5, asked: false) == .paid(preimage: nil, fee: 3))
    }
}
