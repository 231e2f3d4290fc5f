// One event brought to a relay and the answer waited for, as a pure machine: what the relay said in, what is told it out.
// It must never take an event for the answer that is not by whom it must be, about what was published, and signed.

import Interfaces
import NodeModel
import Nostr
import Wire

struct RelayExchange {
    enum Event {
        case opened
        case message(RelayMessage)
        /// The proof of who asks, or nil when there is none to be had.
        case signed(SignedEvent?)
        /// The line broke, or is over in time.
        case closed
        case deadline
    }

    enum Action {
        case tell(RelayRequest)
        /// Have this challenge of the relay's signed.
        case sign(String)
        case end(Result<WSInterface.Relay.Reply, WireError>)
    }

    /// The one subscription of the line.
    static let subscription = "answer"

    private let event: SignedEvent
    private let answer: WSInterface.Relay.Answer?
    private var accepted: Bool?
    private var words = ""
    private var isOver = false
    private var isPublished = false
    private var challenge: String?
    private var proof = Proof.none

    /// How far this side has said who it is (NIP-42): once, and only when the relay wants to know.
    private enum Proof: Equatable {
        case none, wanted, sent(String), done
    }

    init(_ event: SignedEvent, answer: WSInterface.Relay.Answer?) {
        self.event = event
        self.answer = answer
    }

    mutating func on(_ happened: Event) -> [Action] {
        guard !isOver else { return [] }
        switch happened {
        case .opened: return begin()
        case .message(let message): return hear(message)
        case .signed(let event):
            guard let event else { return end(.success(.init(accepted: false, words: words, answer: nil))) }
            proof = .sent(event.id)
            return [.tell(.authenticate(event))]
        case .closed, .deadline:
            guard isPublished else {
                return end(
                    .failure(
                        WireError(.unavailable, "The relay did not take the event.", retryAfterMs: 3_000)))
            }
            // It is out: what became of it is for the caller to find out.
            return end(.success(.init(accepted: accepted, words: words, answer: nil)))
        }
    }

    private mutating func begin() -> [Action] {
        guard let answer else { return publish() }
        // The subscription first: answers of this kind are not kept by relays, and would be missed.
        return [
            .tell(.subscribe(Self.subscription, kind: answer.kind, author: answer.author, about: event.id))
        ]
    }

    private mutating func hear(_ message: RelayMessage) -> [Action] {
        switch message {
        case .stored(Self.subscription): return isPublished ? [] : publish()
        case .closed(Self.subscription, let why): return refused(why)
        case .verdict(event.id, let accepted, let words):
            (self.accepted, self.words) = (accepted, words)
            guard accepted else { return refused(words) }
            return answer == nil ? end(.success(.init(accepted: true, words: words, answer: nil))) : []
        case .verdict(let id, let accepted, let words) where proof == .sent(id):
            guard accepted else { return refused(words) }
            proof = .done
            isPublished = false
            return begin()
        case .challenge(let word):
            challenge = word
            return proof == .wanted ? prove() : []
        case .event(Self.subscription, let event):
            guard isAnswer(event) else { return [] }
            return end(.success(.init(accepted: accepted, words: words, answer: event)))
        case .notice(let words):
            if self.words.isEmpty { self.words = words }
            return []
        default: return []
        }
    }

    private func isAnswer(_ event: SignedEvent) -> Bool {
        guard let answer, event.kind == answer.kind, event.pubkey == answer.author,
            event.onlyTag("e") == self.event.id
        else { return false }
        // A relay that makes up an answer would else keep the true one away.
        do { try event.verify() } catch { return false }
        return true
    }

    private mutating func publish() -> [Action] {
        isPublished = true
        return [.tell(.publish(event))]
    }

    private mutating func prove() -> [Action] {
        proof = .wanted
        // Its challenge may come after the refusal.
        guard let challenge else { return [] }
        return [.sign(challenge)]
    }

    private mutating func refused(_ why: String) -> [Action] {
        words = why
        if why.hasPrefix("auth-required:"), proof == .none { return prove() }
        // One refusal for the subscription and one for the event are the same wish.
        if why.hasPrefix("auth-required:"), proof != .done { return [] }
        return refuse(why)
    }

    private mutating func refuse(_ why: String) -> [Action] {
        end(.success(.init(accepted: false, words: why, answer: nil)))
    }

    private mutating func end(_ result: Result<WSInterface.Relay.Reply, WireError>) -> [Action] {
        isOver = true
        var actions: [Action] = []
        if answer != nil, isPublished { actions.append(.tell(.close(Self.subscription))) }
        return actions + [.end(result)]
    }
}
