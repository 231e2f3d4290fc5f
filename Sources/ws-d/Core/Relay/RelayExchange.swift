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
        /// The line broke, or is over in time.
        case closed
        case deadline
    }

    enum Action {
        case tell(RelayRequest)
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

    init(_ event: SignedEvent, answer: WSInterface.Relay.Answer?) {
        self.event = event
        self.answer = answer
    }

    mutating func on(_ happened: Event) -> [Action] {
        guard !isOver else { return [] }
        switch happened {
        case .opened:
            guard let answer else { return publish() }
            // The subscription first: answers of this kind are not kept by relays, and would be missed.
            return [
                .tell(
                    .subscribe(Self.subscription, kind: answer.kind, author: answer.author, about: event.id))
            ]
        case .message(let message): return hear(message)
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

    private mutating func hear(_ message: RelayMessage) -> [Action] {
        switch message {
        case .stored(Self.subscription): return isPublished ? [] : publish()
        case .closed(Self.subscription, let why): return refused(why)
        case .verdict(event.id, let accepted, let words):
            (self.accepted, self.words) = (accepted, words)
            guard accepted else { return refused(words) }
            return answer == nil ? end(.success(.init(accepted: true, words: words, answer: nil))) : []
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

    private mutating func refused(_ why: String) -> [Action] {
        end(.success(.init(accepted: false, words: why, answer: nil)))
    }

    private mutating func end(_ result: Result<WSInterface.Relay.Reply, WireError>) -> [Action] {
        isOver = true
        var actions: [Action] = []
        if answer != nil, isPublished { actions.append(.tell(.close(Self.subscription))) }
        return actions + [.end(result)]
    }
}
