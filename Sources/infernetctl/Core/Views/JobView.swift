// Jobs as lines for people. Pure.
// It must never shorten a job's id: people copy it.

import Interfaces
import NodeModel
import Nostr

/// Renders jobs.
enum JobView {
    static func table(_ jobs: [AggregatorInterface.Record], _ style: Style) -> Table {
        var table = Table([
            ("JOB", .left), ("WHEN", .left), ("STATE", .left), ("SIDE", .left), ("MODEL", .left),
            ("TOKENS", .right),
            ("PRICE", .right), ("REASON", .left),
        ])
        for job in jobs {
            table.add([
                .init(job.job.text), .init(Units.time(job.createdAt)),
                .init(job.state.rawValue) { paint($0, job.state, style) }, .init(job.side.rawValue),
                .init(job.model),
                .init(job.usage.map { "\($0.promptTokens)+\($0.completionTokens)" } ?? "-"),
                .init(price(job) ?? "-"), .init(job.reason),
            ])
        }
        return table
    }

    static func story(_ reply: AggregatorInterface.Job.Reply, _ style: Style) -> [String] {
        let job = reply.record
        var lines = [
            style.bold(job.job.text) + "  " + paint(job.state.rawValue, job.state, style) + "  "
                + TerminalText.clean(job.reason)
        ]
        if let fix = job.fix { lines.append(style.yellow("fix") + "  " + TerminalText.clean(fix)) }
        lines.append("")
        for step in reply.steps {
            let since = Units.milliseconds(max(0, step.at - job.createdAt))
            lines.append(
                "\(Units.time(step.at))  +\(since)  " + paint(step.state.rawValue, step.state, style) + "  "
                    + TerminalText.clean(step.reason))
        }
        lines.append("")
        var facts = [("model", job.model), ("side", job.side.rawValue)]
        if let peer = job.peer { facts.append((job.side == .provider ? "client" : "provider", peer.npub)) }
        if let usage = job.usage {
            facts.append(("tokens", "\(usage.promptTokens) prompt, \(usage.completionTokens) answer"))
        }
        if let t = job.timings {
            let stages = [
                ("queue", t.queueMs), ("load", t.loadMs), ("first token", t.firstTokenMs),
                ("generate", t.generateMs),
            ]
            facts.append(("times", stages.map { "\($0) \(Units.milliseconds($1))" }.joined(separator: ", ")))
        }
        if let quote = job.quote { facts.append(("quote", quote)) }
        if let price = price(job) { facts.append(("price", price)) }
        for (name, text) in facts {
            let padding = String(repeating: " ", count: max(0, 8 - name.count))
            lines.append(style.dim(name + padding) + "  " + TerminalText.clean(text))
        }
        return lines
    }

    private static func price(_ job: AggregatorInterface.Record) -> String? {
        guard let price = job.price, let asset = job.asset else { return nil }
        return Units.amount(price, asset)
    }

    private static func paint(_ text: String, _ state: AggregatorInterface.State, _ style: Style) -> String {
        switch state {
        case .done: style.green(text)
        case .failed: style.red(text)
        case .cancelled: style.yellow(text)
        case .received, .planned, .running, .verifying: style.cyan(text)
        }
    }
}
