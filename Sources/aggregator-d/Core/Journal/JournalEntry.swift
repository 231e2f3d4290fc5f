// What is written into the journal, as values: one place that says what a job leaves behind.
// It must never hold a prompt, an answer or a key.

import Interfaces
import NodeModel

/// A job in the journal: an id that another node chose can never meet one of ours.
struct JobKey: Hashable, Sendable {
    var job: JobID
    /// Whether another node asked for it.
    var served: Bool
}

/// A change of the journal. Entries are applied in the order in which they were given.
enum JournalEntry: Sendable {
    /// A new job, before its first step; ignored when the job is there.
    case opened(AggregatorInterface.Record)
    case moved(JobKey, AggregatorInterface.State, reason: String, fix: String?, at: Int64)
    /// Who runs it, which decides the side, and under which name of the model.
    case placed(JobKey, AggregatorInterface.Side, PublicKey?, model: String)
    /// On which quote it is sent, or taken.
    case quoted(JobKey, String)
    /// A word on a job that has ended, which changes its reason but not its state.
    case noted(JobKey, String, at: Int64)
    /// A receipt that was checked or signed here.
    case receipt(JobKey, SignedEvent, ReceiptBody, at: Int64)
    /// What is owed to a receipt: this node's acceptance, and its delivery when there is an endpoint.
    case owed(OutboxRow)
    case accepted(JobKey, SignedEvent)
    /// Another attempt at what is owed failed.
    case postponed(JobKey, attempts: Int, nextAt: Int64, error: String)
    /// Nothing is owed any more.
    case settled(JobKey)
    /// What is known of a provider after a job, whole: saying it again changes nothing.
    case experienced(PublicKey, Experience)

    /// How many answers of a provider were found right in a row, whole.
    case verified(VerificationBook.Key, VerificationRate)

    /// Whether others of the same job follow at once, so that it is not worth a commit of its own.
    var isPrelude: Bool {
        switch self {
        case .opened, .placed, .quoted: true
        // Its job's end follows at once.
        case .experienced: true
        case .moved(_, let state, _, _, _): !state.isFinal
        default: false
        }
    }
}

/// An acceptance that is to be made, delivered, or both.
struct OutboxRow: Hashable, Sendable {
    var key: JobKey
    var provider: PublicKey
    /// Nil when the provider is this node itself.
    var endpoint: String?
    var attempts = 0
    /// Unix milliseconds.
    var nextAt: Int64
}
