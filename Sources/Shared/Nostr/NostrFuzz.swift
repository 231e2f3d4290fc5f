// The doors through which a stranger's bytes enter this module, for fuzzing: each must survive any input.
// It must never be called by a daemon.

import Crypto
import FoundationEssentials
import NodeModel

/// Entry points for fuzzers.
public enum NostrFuzz {
    /// An event as JSON: decoded, hashed, verified, judged as every document that an event may carry.
    public static func event(_ bytes: UnsafeRawBufferPointer) {
        guard let event = try? JSONDecoder().decode(SignedEvent.self, from: Data(bytes)) else { return }
        _ = try? event.verify()
        _ = ProviderCard(event)
        _ = try? ReceiptBody(unproven: event)
        _ = try? Succession(unproven: event)
        if let expected = PeerAuthentication(
            endpoint: "ws://127.0.0.1:1/peer", challenge: String(repeating: "0", count: 64),
            reader: event.pubkey,
            side: .dialer)
        {
            _ = try? expected.check(event, author: nil, now: event.createdAt)
        }
        _ = try? HTTPAuthentication(url: "http://127.0.0.1/", method: "GET").check(
            event, now: event.createdAt)
        if let reader = SecretKey(bytes: [UInt8](repeating: 7, count: 32)) {
            _ = try? GiftWrap.unwrap(event, recipient: reader)
        }
    }

    /// Evidence: what is read from an event is written as the same event, and its two signatures are checked.
    public static func evidence(_ bytes: UnsafeRawBufferPointer) {
        guard let event = try? JSONDecoder().decode(SignedEvent.self, from: Data(bytes)),
            let evidence = Evidence(unproven: event)
        else { return }
        precondition(evidence.template == event.template, "evidence changed by being read")
        precondition(evidence.rater != evidence.subject, "somebody spoke of himself")
        _ = evidence.isCountersigned
        _ = Evidence(event)
    }

    /// What two nodes sign about credit: what is read from an event is written as the same event.
    public static func credit(_ bytes: UnsafeRawBufferPointer) {
        _ = CreditNote(text: String(decoding: bytes, as: UTF8.self))
        guard let event = try? JSONDecoder().decode(SignedEvent.self, from: Data(bytes)) else { return }
        if let request = CreditRequest(unproven: event) {
            precondition(request.template == event.template, "a request changed by being read")
            precondition(request.client != request.provider, "somebody asked himself")
        }
        if let offer = CreditOffer(unproven: event) {
            precondition(offer.template == event.template && offer.amount > 0, "an offer changed")
        }
        if let note = CreditNote(unproven: event) {
            precondition(note.template == event.template && note.ceiling > 0, "a note changed")
        }
        _ = (CreditRequest(event), CreditOffer(event), CreditNote(event))
    }

    /// A quote: what is read from an event is written as the same event, and costs what its terms cost.
    public static func quote(_ bytes: UnsafeRawBufferPointer) {
        guard let event = try? JSONDecoder().decode(SignedEvent.self, from: Data(bytes)) else { return }
        if let quote = Quote(unproven: event) {
            precondition(quote.template == event.template, "a quote changed by being read")
            precondition(quote.client != quote.provider, "somebody quoted to himself")
            precondition(quote.ceiling > 0 && quote.terms.ceiling == quote.ceiling, "a job costs nothing")
        }
        _ = Quote(event)
    }

    /// A descriptor's content: what is read is written the same.
    public static func descriptor(_ bytes: UnsafeRawBufferPointer) {
        let read = try? CanonicalJSON.decode(ProviderDescriptor.self, from: Array(bytes))
        guard let read, let template = try? read.template() else { return }
        let event = SignedEvent(template, signature: [UInt8](repeating: 0, count: 64))
        precondition(
            (try? ProviderDescriptor(unproven: event)) == read, "a descriptor changed by being written")
    }

    /// A receipt file: read strictly and verified.
    public static func receipt(_ bytes: UnsafeRawBufferPointer) {
        _ = try? ReceiptFile.verify(bytes)
    }

    /// A NIP-19 name: whatever decodes must decode to the same again from its own text.
    public static func nip19(_ bytes: UnsafeRawBufferPointer) {
        guard let name = try? NIP19(String(decoding: bytes, as: UTF8.self)) else { return }
        guard let again = try? NIP19(name.text) else { return }
        precondition(again == name, "a NIP-19 name changed by being written")
    }

    /// A NIP-44 payload: taken apart, and decrypted with a key that cannot be right.
    public static func nip44(_ bytes: UnsafeRawBufferPointer) {
        let payload = String(decoding: bytes, as: UTF8.self)
        _ = try? NIP44.split(payload)
        _ = try? NIP44.decrypt(payload, NIP44.ConversationKey(bytes: [UInt8](repeating: 7, count: 32)))
    }

    /// An encrypted key: what is read is written the same, and opens with no key that anyone would guess.
    public static func nip49(_ bytes: UnsafeRawBufferPointer) {
        guard let read = try? NIP49(String(decoding: bytes, as: UTF8.self)) else { return }
        precondition((try? NIP49(read.text)) == read, "an encrypted key changed by being written")
        _ = try? read.open(SymmetricKey(data: [UInt8](repeating: 7, count: 32)))
    }

    /// A relay's message: an event in it is an event like any other.
    public static func relay(_ bytes: UnsafeRawBufferPointer) {
        guard let message = try? RelayMessage(bytes), case .event(_, let event) = message else { return }
        _ = try? event.verify()
    }

    private static let reconciled: [ReconciledItem] = (0..<300).compactMap { number in
        ReconciledItem(
            time: 1_800_000_000 + UInt64(number / 3),
            id: Array(SHA256.hash(data: Array("item \(number)".utf8))))
    }

    /// A message of a reconciliation (NIP-77), as each side takes it: an answer never passes its limit by more than a range.
    public static func reconciliation(_ bytes: UnsafeRawBufferPointer) {
        let message = Array(bytes)
        let limit = 4_096
        if let answer = try? Reconciliation(reconciled, limit: limit).answer(message) {
            precondition(answer.count <= limit + 700, "an answer is longer than its limit")
        }
        var asking = Reconciliation(reconciled, limit: limit)
        _ = asking.begin()
        _ = try? asking.proceed(message)
        precondition(asking.have.count <= reconciled.count, "more is had than there is")
    }

    /// What people paste and wallet services answer: a connection, and the JSON of every answer.
    public static func wallet(_ bytes: UnsafeRawBufferPointer) {
        let text = String(decoding: bytes, as: UTF8.self)
        _ = try? WalletConnection(text)
        let hash = Digest(hashing: "")
        for request: WalletRequest in [
            .payInvoice("", amount: nil), .makeInvoice(amount: 1, description: "", expiry: nil),
            .lookUp(hash),
            .balance, .info, .settleHoldInvoice([]),
            .makeHoldInvoice(amount: 1, description: "", expiry: nil, hash: hash, cltv: nil),
        ] {
            _ = try? WalletResponse(json: text, to: request)
        }
    }
}
