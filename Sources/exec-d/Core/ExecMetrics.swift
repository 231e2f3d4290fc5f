// exec-d's numbers for Prometheus: jobs, queue, engines, times, tokens.
// It must never carry a label that a caller chose.

import DaemonKit
import NodeModel

/// Names and units in one place; durations are seconds.
struct ExecMetrics: Sendable {
    let registry: MetricsRegistry

    /// A job ended: `done`, `cancelled` or an error's code.
    func ended(_ outcome: String, tokens: Usage?) {
        registry.count(
            "infernet_exec_jobs_total", labels: ["outcome", outcome], help: "Jobs by how they ended.")
        guard let tokens else { return }
        let help = "Tokens as the engine counted them."
        registry.count(
            "infernet_exec_tokens_total", by: Double(tokens.promptTokens), labels: ["kind", "prompt"],
            help: help)
        registry.count(
            "infernet_exec_tokens_total", by: Double(tokens.completionTokens),
            labels: ["kind", "completion"],
            help: help)
    }

    func pool(busy: Int, queued: Int, engines: Int) {
        registry.gauge("infernet_exec_busy_slots", Double(busy), help: "Jobs that are being answered.")
        registry.gauge(
            "infernet_exec_queue_depth", Double(queued), help: "Jobs that wait for a slot or a model.")
        registry.gauge(
            "infernet_exec_engines", Double(engines), help: "Engines, starting and stopping ones included.")
    }

    func started() {
        registry.count("infernet_exec_engine_starts_total", help: "Engines whose start was begun.")
    }

    func loaded(_ time: Duration) {
        registry.observe(
            "infernet_exec_load_seconds", time / .seconds(1),
            help: "From an engine's start to its loaded model.")
    }

    func firstToken(_ time: Duration) {
        registry.observe(
            "infernet_exec_first_token_seconds", time / .seconds(1),
            help: "From the request to the engine's first token.")
    }

    func nextToken(_ time: Duration) {
        registry.observe(
            "infernet_exec_next_token_seconds", time / .seconds(1), help: "Between two tokens of an answer.")
    }

    func orphans(_ count: Int) {
        registry.count(
            "infernet_exec_orphans_total", by: Double(count),
            help: "Containers without an engine that were removed.")
    }
}
