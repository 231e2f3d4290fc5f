// What aggregator-d counts and measures. It must never use a job, a key or a text as a label.

import DaemonKit
import Interfaces
import NIOCore
import Synchronization
import Wire

/// The daemon's metrics.
struct AggregatorMetrics: Sendable {
    let registry: MetricsRegistry

    /// A plan was made.
    func planned(_ plan: Plan) {
        let decision =
            switch plan.candidates.first {
            case .here: "here"
            case .provider: "provider"
            case nil: plan.failure?.code.rawValue ?? "none"
            }
        registry.count(
            "infernet_plans_total", labels: ["decision", decision], help: "Plans by what was decided.")
    }

    /// A card was put into the network, or only tried.
    func announced(_ taken: Bool) {
        registry.count(
            "infernet_card_announcements_total", labels: ["taken", taken ? "yes" : "no"],
            help: "Announcements of this node's card, by whether another node took it.")
    }

    /// An answer of another node was checked, or could not be.
    func checked(_ verdict: Verdict) {
        let word =
            switch verdict {
            case .right: "right"
            case .wrong: "wrong"
            case .undecided: "undecided"
            }
        registry.count(
            "infernet_answers_checked_total", labels: ["verdict", word],
            help: "Answers of other nodes by what this node's own engine says of them.")
    }

    /// How many jobs are under way and waiting.
    func load(own: Int, served: Int, queued: Int) {
        registry.gauge("infernet_jobs_active", Double(own), labels: ["for", "own"], help: "Jobs under way.")
        registry.gauge("infernet_jobs_active", Double(served), labels: ["for", "others"])
        registry.gauge("infernet_jobs_queued", Double(queued), help: "Jobs that wait for a place.")
    }
}

/// Measures one job.
final class JobStopwatch: Sendable {
    private let metrics: AggregatorMetrics
    private let began = NIODeadline.now()
    private let firstPiece = Atomic<UInt64>(0)

    init(_ metrics: AggregatorMetrics) { self.metrics = metrics }

    /// A piece passed; only the first of a job counts.
    func piece() {
        guard firstPiece.load(ordering: .relaxed) == 0 else { return }
        firstPiece.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
    }

    /// The job is over.
    func ended(side: AggregatorInterface.Side, _ outcome: JobOutcome) {
        let word =
            switch outcome {
            case .done: "done"
            case .failed(let error): error.code.rawValue
            case .cancelled: "cancelled"
            }
        let labels = ["side", side.rawValue]
        metrics.registry.count(
            "infernet_jobs_total", labels: labels + ["outcome", word],
            help: "Jobs by side and how they ended.")
        let start = began.uptimeNanoseconds
        let first = firstPiece.load(ordering: .relaxed)
        if first > start {
            metrics.registry.observe(
                "infernet_job_first_piece_seconds", Double(first - start) / 1e9, labels: labels,
                help: "From a job's arrival to the first piece of its answer.")
        }
        metrics.registry.observe(
            "infernet_job_seconds", Double(NIODeadline.now().uptimeNanoseconds - start) / 1e9, labels: labels,
            help: "From a job's arrival to its end.")
    }
}
