// What every Lightning backend can be asked, whatever it is: pay, look up, make an invoice.
// It must never be trusted: what it gives back is a claim, and silence is doubt, not a no.

import NodeModel

/// The way out for requests that carry the key of an account.
protocol KeyedCarrier: Sendable {
    /// - Parameter body: JSON to be posted; empty for a question (GET).
    /// - Returns: HTTP's status and the body.
    func carry(
        _ endpoint: String, path: String, body: String, secret: String
    ) async throws -> (status: Int, body: String)

    /// The same, of which the first line of the answer is all that is wanted.
    func carryLine(
        _ endpoint: String, path: String, body: String, secret: String
    ) async throws -> (status: Int, body: String)
}

extension KeyedCarrier {
    func carryLine(
        _ endpoint: String, path: String, body: String, secret: String
    ) async throws -> (status: Int, body: String) {
        let (status, body) = try await carry(endpoint, path: path, body: body, secret: secret)
        return (status, body.split(separator: "\n").first.map(String.init) ?? "")
    }
}

/// The way out for events that go to a Nostr relay.
protocol RelayCarrier: Sendable {
    /// Publishes an event and waits for the answer to it.
    ///
    /// - Returns: the answer, which is by `author` and about `event`; nil when none came in time, and what the relay said.
    func exchange(
        _ endpoint: String, _ event: SignedEvent, kind: Int, author: PublicKey
    ) async throws -> (answer: SignedEvent?, words: String)
}

/// What a backend says at once to being asked to pay.
enum LightningWord: Hashable, Sendable {
    /// A plain no, in its words: nothing was begun by this request.
    case refused(String)
    /// What a look-up could say as well.
    case claim(LightningClaim)
}

/// A service or node that pays and takes Lightning payments for this node. All amounts are millisatoshis.
protocol LightningBackend: Sendable {
    /// Whether it refuses to pay one hash twice: only then is a payment ever asked for again.
    var refusesTwice: Bool { get }
    /// Whether it pays invoices that leave the amount to the payer.
    var paysAnyAmount: Bool { get }
    /// Amounts of its own invoices are multiples of this.
    var invoiceStep: Int64 { get }

    /// Asks it to pay.
    ///
    /// - Parameters:
    ///   - amount: for an invoice that names none.
    ///   - feeCeiling: what the way there may cost, where the backend can be told.
    /// - Returns: nil for an answer that says nothing for sure.
    /// - Throws: `LightningTrouble` when nobody can say whether it heard.
    func pay(_ invoice: String, amount: Int64?, feeCeiling: Int64) async throws -> LightningWord?

    /// What became of a payment to somebody else.
    func payment(_ hash: Digest) async throws -> LightningClaim

    /// Makes an invoice, and gives its text.
    func makeInvoice(amount: Int64, memo: String, seconds: Int64) async throws -> String

    /// What became of an invoice of its own.
    func invoice(_ hash: Digest) async throws -> LightningClaim

    /// Refuses when it cannot hold payments.
    ///
    /// - Throws: `LightningTrouble.cannotHold`, which says what to do.
    func requireHolding() async throws

    /// Makes an invoice on a hash whose preimage somebody else has, and gives its text: what is paid is held.
    ///
    /// - Parameter blocks: how many the payment must leave until it runs out.
    func makeHoldInvoice(_ hash: Digest, amount: Int64, seconds: Int64, blocks: Int64) async throws -> String

    /// Takes what is held; what became of it a look-up tells.
    func settle(_ preimage: [UInt8]) async throws

    /// Gives back what is held, or lets nobody pay the invoice any more; what became of it a look-up tells.
    func cancel(_ hash: Digest) async throws

    /// The last block that it knows; nil when it does not say.
    func height() async throws -> Int64?

    /// Asks after the account.
    ///
    /// - Returns: what there is to say about it, when all is well.
    func standing() async throws -> String
}

/// What a backend does that cannot hold payments.
extension LightningBackend {
    func requireHolding() async throws { throw LightningTrouble.cannotHold("it has no word for it") }
    func makeHoldInvoice(
        _ hash: Digest, amount: Int64, seconds: Int64, blocks: Int64
    ) async throws -> String { throw LightningTrouble.cannotHold("it has no word for it") }
    func settle(_ preimage: [UInt8]) async throws {
        throw LightningTrouble.cannotHold("it has no word for it")
    }
    func cancel(_ hash: Digest) async throws { throw LightningTrouble.cannotHold("it has no word for it") }
    func height() async throws -> Int64? { nil }
}

/// What a backend, or whoever carries its words, did wrong.
enum LightningTrouble: Error, Hashable, CustomStringConvertible {
    /// There is no key for the account here.
    case noKey(String)
    case silent(String)
    case refused(String)
    case unreadable(String)
    case contradiction(String)
    /// It holds no payments; why.
    case cannotHold(String)

    /// Whether asking more now is pointless.
    var endsTheLook: Bool {
        switch self {
        case .noKey, .silent: true
        case .refused, .unreadable, .contradiction, .cannotHold: false
        }
    }

    var description: String {
        switch self {
        case .noKey(let why): why
        case .silent(let why): "the Lightning backend does not answer: \(why)"
        case .refused(let why): "the Lightning backend refuses: \(why)"
        case .unreadable(let why): "the Lightning backend's answer cannot be read: \(why)"
        case .contradiction(let why): why
        case .cannotHold(let why): "the Lightning backend holds no payments: \(why)"
        }
    }
}
