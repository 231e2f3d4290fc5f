// How a provider answered when it was asked how it is now. It must never hold an unverified status.

import Interfaces
import NodeModel

/// What is known of a provider at this moment.
enum Standing: Hashable, Sendable {
    /// A status that it signed over our challenge, and the round trip.
    case told(ProviderStatus, milliseconds: Int)
    /// Asked, without an answer that can be used: why.
    case untold(String)
    /// It answers, but does not say how it is, as who was asked too often a moment ago: its card counts.
    case unsaid(String)

    /// Whether nothing came that shows it to be there.
    var isSilent: Bool { if case .untold = self { true } else { false } }
}

extension Standing {
    /// What dht-d brought, proven here again.
    init(_ answer: DHTInterface.Probe.Answer) {
        guard let event = answer.status else {
            let problem = answer.problem ?? "no answer"
            self = answer.refused == true ? .unsaid(problem) : .untold(problem)
            return
        }
        guard event.pubkey == answer.provider, (try? event.verify()) != nil,
            let status = ProviderStatus(event)
        else {
            self = .untold("its answer is not signed by it")
            return
        }
        self = .told(status, milliseconds: answer.milliseconds ?? 0)
    }
}
