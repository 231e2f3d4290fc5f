// One question to the node: the answer is written as it is generated, then its summary.
// It must never print what a model says to a terminal without taking out control characters.

import Interfaces
import NodeModel
import Synchronization
import Wire

/// Asks questions.
struct ChatSession: Sendable {
    /// With `--json`: the whole answer with its record and receipt.
    struct Document: Encodable {
        var answer: String
        var job: JobID
        var model: String
        var finish: FinishReason
        var record: AggregatorInterface.Record
        var receipt: ReceiptBundle
    }

    var node: Node
    var output: Output
    var model: String
    var provider: PublicKey?
    var sampling: Sampling
    var json: Bool
    var quiet: Bool

    /// What has been seen of an answer.
    private struct Progress: Sendable {
        var answer = ""
        var showsState = false
    }

    /// Asks, streams, and returns the whole answer.
    func ask(_ messages: [ChatMessage]) async throws -> String {
        let request = InferenceRequest(model: model, messages: messages, sampling: sampling)
        let progress = Mutex(Progress())
        let reply: AggregatorInterface.Submit.Reply
        do {
            reply = try await node.stream(
                AggregatorInterface.Submit(request: request, provider: provider), at: .aggregator
            ) { event in
                show(event, progress)
            }
        } catch {
            let seen = progress.withLock { $0 }
            if seen.showsState { output.rawError("\r\u{1B}[K") }
            // An answer that broke off stands on a line of its own, before the error.
            if !json, !seen.answer.isEmpty { output.raw("\n") }
            throw error
        }
        let answer = progress.withLock { $0.answer }
        if json {
            output.json(
                Document(
                    answer: answer, job: reply.record.job, model: reply.record.model, finish: reply.finish,
                    record: reply.record, receipt: reply.receipt))
        } else {
            output.raw("\n")
            if !quiet { output.error(output.errorStyle.dim(Self.summary(reply))) }
        }
        return answer
    }

    private func show(_ event: AggregatorInterface.Submit.Event, _ progress: borrowing Mutex<Progress>) {
        switch event.stage {
        case .token:
            let clears = progress.withLock { seen in
                seen.answer += event.text
                defer { seen.showsState = false }
                return seen.showsState
            }
            guard !json else { return }
            if clears { output.rawError("\r\u{1B}[K") }
            output.raw(output.isTerminal ? TerminalText.clean(event.text) : event.text)
        case .state:
            guard !json, !quiet, output.errorIsTerminal else { return }
            let first = progress.withLock { seen in
                guard seen.answer.isEmpty else { return false }
                seen.showsState = true
                return true
            }
            if first { output.rawError("\r\u{1B}[K" + output.errorStyle.dim(TerminalText.clean(event.text))) }
        case .paid: return
        case .accepted: break
        }
    }

    /// One line: job, tokens, speed, price, provider, receipt.
    static func summary(_ reply: AggregatorInterface.Submit.Reply) -> String {
        let record = reply.record
        var parts = [record.job.text]
        if let usage = record.usage {
            parts.append("\(usage.promptTokens)+\(usage.completionTokens) tokens")
            if let timings = record.timings,
                let rate = Units.rate(tokens: usage.completionTokens, milliseconds: timings.generateMs)
            {
                parts.append(rate)
            }
        }
        if let price = record.price, let asset = record.asset { parts.append(Units.amount(price, asset)) }
        parts.append(record.peer.map { "by \(NodeKey.short($0))" } ?? "by this node")
        parts.append(reply.receipt.acceptance == nil ? "receipt signed" : "receipt signed and accepted")
        if reply.finish == .length { parts.append("cut at the longest answer") }
        return parts.joined(separator: " · ")
    }
}
