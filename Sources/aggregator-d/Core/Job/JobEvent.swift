// What happens to a job, and what is to be done about it: the vocabulary of the state machine.
// It must never hold a prompt, an answer or a key.

import Interfaces
import Wire

/// Which part of a job has a deadline.
enum JobStage: Hashable, Sendable, CaseIterable {
    case plan, connect, firstPiece, nextPiece, settle, total
}

/// How long each part of a job may take, in milliseconds, and how many candidates are tried.
struct JobLimits: Hashable, Sendable {
    var planMs = 8_000
    var connectMs = 10_000
    var firstPieceMs = 180_000
    var nextPieceMs = 20_000
    var settleMs = 15_000
    var totalMs = 600_000
    var maximumAttempts = 3
    /// How long a job waits in all for a provider that is full or being restarted, when there is no other.
    var busyMs = 30_000

    func milliseconds(_ stage: JobStage) -> Int {
        switch stage {
        case .plan: planMs
        case .connect: connectMs
        case .firstPiece: firstPieceMs
        case .nextPiece: nextPieceMs
        case .settle: settleMs
        case .total: totalMs
        }
    }
}

/// The piece of work that is under way; there is never more than one.
enum JobWork: Hashable, Sendable {
    /// Wait for a place and choose candidates, or check whether a stranger's job can be taken.
    case plan
    /// Run at the candidate of this number.
    case attempt(Int)
    /// Let time pass, in milliseconds.
    case pause(Int)
    /// Check or sign the receipt, accept it, write it down.
    case settle
}

/// What happens to a job.
enum JobEvent: Sendable {
    case begin
    /// The candidates in words, best first, which of them is this node itself, the plan in one line, and whether it was made
    /// from what is remembered of a search.
    case planned(candidates: [String], here: Int?, summary: String, remembered: Bool = false)
    case planFailed(WireError)
    /// The other side of an attempt said anything at all.
    case contact(Int)
    case firstPiece(Int)
    case answered(Int)
    case attemptFailed(Int, WireError)
    case paused
    case settled(String)
    case settleFailed(WireError)
    /// A timer ran out. `idleMs` is how long ago the last piece came, for the stage `nextPiece`.
    case deadline(JobStage, attempt: Int, idleMs: Int)
    case cancel(String)
}

/// What is to be done.
enum JobAction: Sendable, Equatable {
    /// Write the state down; tell whoever waits.
    case state(AggregatorInterface.State, reason: String, fix: String?)
    case arm(JobStage, attempt: Int, milliseconds: Int)
    case disarm(JobStage)
    case work(JobWork)
    /// Stop the work under way; it will end with an event, as always.
    case stop
    /// The candidate of this number is to be used last for a while.
    case blame(Int, String)
    /// The candidate of this number was remembered and is not there: it is to be searched again.
    case lost(Int)
    case praise(Int)
    case end(JobOutcome)
}

/// How a job ended.
enum JobOutcome: Sendable, Equatable {
    case done
    case failed(WireError)
    case cancelled(WireError)
}
