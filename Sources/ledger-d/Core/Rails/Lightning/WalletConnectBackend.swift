// A wallet service behind a Nostr relay (NIP-47): requests and answers are encrypted to it, so that neither ws-d nor the
// relay can read them or spend. It must never take an answer for anything but the request it was made for.

import NIOConcurrencyHelpers
import NodeModel
import Nostr
import Wire

struct WalletConnectBackend: LightningBackend {
    /// From when on the wallet must ignore a request that reaches it late, in seconds: well before what was sent is
    /// believed to have come to nothing.
    static let patience: Int64 = 20

    let endpoint: String
    let carrier: any RelayCarrier
    /// The connection as the wallet shows it, `nostr+walletconnect://…`.
    let key: AccountKey
    /// Unix milliseconds.
    let clock: @Sendable () -> Int64
    /// What the wallet understands, as it said itself.
    private let encryption = NIOLockedValueBox(WalletEncryption.nip44)
    /// Whether it has said that it holds payments.
    private let holds = NIOLockedValueBox(false)

    init(
        endpoint: String, carrier: any RelayCarrier, key: AccountKey, clock: @escaping @Sendable () -> Int64
    ) {
        self.endpoint = endpoint
        self.carrier = carrier
        self.key = key
        self.clock = clock
    }

    /// The NIP promises nothing: what left once leaves no second time.
    let refusesTwice = false
    let paysAnyAmount = true
    /// There are wallets that drop millisatoshis.
    let invoiceStep: Int64 = 1_000

    func pay(_ invoice: String, amount: Int64?, feeCeiling: Int64) async throws -> LightningWord? {
        // How much the way may cost is the wallet's own setting: the NIP has no word for it.
        let request = WalletRequest.payInvoice(invoice, amount: amount.map { UInt64(clamping: $0) })
        switch try await ask(request) {
        case .paid(let preimage, let fees):
            return .claim(.paid(preimage: preimage, fee: fees.map { Int64(clamping: $0) }))
        case .failed(let failure): return Self.refusal(failure)
        default: return nil
        }
    }

    func payment(_ hash: Digest) async throws -> LightningClaim { try await find(hash, isIncoming: false) }

    func invoice(_ hash: Digest) async throws -> LightningClaim { try await find(hash, isIncoming: true) }

    func makeInvoice(amount: Int64, memo: String, seconds: Int64) async throws -> String {
        let wanted = WalletRequest.makeInvoice(
            amount: UInt64(clamping: amount), description: memo, expiry: UInt64(clamping: seconds))
        guard case .transaction(let made) = try Self.taken(try await ask(wanted)), let text = made.invoice
        else {
            throw LightningTrouble.unreadable("an invoice")
        }
        return text
    }

    /// The commands that it has for this connection are in its answer to `get_info`, as in the event that says what it can do.
    func requireHolding() async throws {
        if holds.withLockedValue({ $0 }) { return }
        guard case .info(let methods, _) = try await ask(.info) else {
            throw LightningTrouble.cannotHold("the wallet does not say what it can do")
        }
        let wanted = ["make_hold_invoice", "settle_hold_invoice", "cancel_hold_invoice"]
        guard Set(methods).isSuperset(of: wanted) else {
            throw LightningTrouble.cannotHold(
                "the wallet does not name \(wanted.joined(separator: ", ")) among its commands")
        }
        holds.withLockedValue { $0 = true }
    }

    func makeHoldInvoice(
        _ hash: Digest, amount: Int64, seconds: Int64, blocks: Int64
    ) async throws -> String {
        let wanted = WalletRequest.makeHoldInvoice(
            amount: UInt64(clamping: amount), description: "", expiry: UInt64(clamping: seconds), hash: hash,
            cltv: UInt64(clamping: blocks))
        guard case .transaction(let made) = try Self.taken(try await ask(wanted)), let text = made.invoice
        else { throw LightningTrouble.unreadable("an invoice") }
        return text
    }

    func settle(_ preimage: [UInt8]) async throws {
        _ = try Self.taken(try await ask(.settleHoldInvoice(preimage)))
    }

    func cancel(_ hash: Digest) async throws { _ = try Self.taken(try await ask(.cancelHoldInvoice(hash))) }

    func height() async throws -> Int64? {
        guard case .info(_, let height) = try Self.taken(try await ask(.info)) else { return nil }
        return height
    }

    func standing() async throws -> String {
        guard case .balance(let held) = try Self.taken(try await ask(.balance)) else {
            throw LightningTrouble.unreadable("a balance")
        }
        return "heard; the wallet holds \(held) msat"
    }

    private func find(_ hash: Digest, isIncoming: Bool) async throws -> LightningClaim {
        let answer = try await ask(.lookUp(hash))
        if case .failed(let failure) = answer, failure.code == .notFound { return .unknown }
        guard case .transaction(let found) = try Self.taken(answer) else {
            throw LightningTrouble.unreadable("a payment")
        }
        return Self.claim(found, isIncoming: isIncoming)
    }

    /// What a wallet's word about a payment or an invoice amounts to.
    static func claim(_ found: WalletTransaction, isIncoming: Bool) -> LightningClaim {
        // The wallet made the invoice, and has paid nothing for it; or the other way round.
        if let way = found.isIncoming, way != isIncoming { return .unknown }
        switch found.state {
        case .settled: break
        case .failed: return .failed("the wallet says that it failed")
        // Of a payment it says only that the invoice cannot be paid any more.
        case .expired: return isIncoming ? .failed("the invoice ran out") : .pending
        case .accepted where isIncoming:
            return .held(until: found.settleDeadline.flatMap { $0 > 0 ? $0 : nil })
        case .pending, .accepted: return .pending
        // Wallets of before there were states.
        case nil where found.settledAt == nil: return .pending
        case nil: break
        }
        return .paid(preimage: found.preimage, fee: Int64(clamping: found.fees))
    }

    /// A no that is plain: the wallet says that it did nothing. Whatever else it calls a failure may still pay.
    private static func refusal(_ failure: WalletFailure) -> LightningWord? {
        switch failure.code {
        case .rateLimited, .notImplemented, .insufficientBalance, .quotaExceeded, .restricted, .unauthorized,
            .unsupportedEncryption:
            .refused("the wallet: \(StrangersWords.plain(failure.message)) (\(failure.code.rawValue))")
        case .paymentFailed, .internalError, .notFound, .other: nil
        }
    }

    /// An answer that is no failure.
    private static func taken(_ answer: WalletResponse) throws(LightningTrouble) -> WalletResponse {
        guard case .failed(let failure) = answer else { return answer }
        throw .refused("\(StrangersWords.plain(failure.message)) (\(failure.code.rawValue))")
    }

    /// The connection as it stands in the key's file now.
    func connection() throws(LightningTrouble) -> WalletConnection {
        let text = try key.read()
        do { return try WalletConnection(text) } catch {
            throw .noKey("the account's key is no wallet connection: \(error)")
        }
    }

    private func ask(_ request: WalletRequest) async throws -> WalletResponse {
        let encryption = encryption.withLockedValue { $0 }
        let answer = try await ask(request, encryption)
        guard encryption == .nip44, case .failed(let failure) = answer, failure.code == .unsupportedEncryption
        else { return answer }
        // The wallet's own signed word: nobody on the way can bring it about.
        self.encryption.withLockedValue { $0 = .nip04 }
        return try await ask(request, .nip04)
    }

    private func ask(_ request: WalletRequest, _ encryption: WalletEncryption) async throws -> WalletResponse
    {
        let connection = try connection()
        let now = clock() / 1000
        let event = try request.event(
            connection, now: now, expiration: now + Self.patience, encryption: encryption)
        let reply: (answer: SignedEvent?, words: String)
        do {
            reply = try await carrier.exchange(
                endpoint, event, kind: EventKind.walletResponse, author: connection.wallet)
        } catch let error as WireError { throw LightningTrouble.silent(error.message) }
        guard let answer = reply.answer else {
            let words = StrangersWords.plain(reply.words)
            throw LightningTrouble.silent(words.isEmpty ? "the wallet said nothing" : "the relay: \(words)")
        }
        do {
            return try WalletResponse(answer, to: request, sent: event, connection)
        } catch { throw LightningTrouble.unreadable("\(error)") }
    }
}
