// Asking other providers how they are, and having this node's own status signed: between words and the core's values.
// It must never answer for this node by itself: aggregator-d knows the status, ledger-d signs it.

import IPC
import Interfaces
import Logging
import NodeModel
import Wire

/// Serves `dht.probe` and `dht.describe`.
struct StatusRoutes: Sendable {
    /// The running node, or the reason why there is none.
    let shell: @Sendable () throws -> DHTShell

    func add(to router: inout Router) {
        router.on(DHTInterface.Describe.self) { request, _ in
            guard let endpoint = Endpoint(request.address) else {
                throw WireError(
                    .invalidParams, "'\(request.address.prefix(80))' is no address.",
                    fix: "As 203.0.113.7:9200 or [2001:db8::7]:9200.")
            }
            let target = StatusTarget(provider: request.provider, endpoint: endpoint)
            return switch try await shell().describe(target) {
            case .told(let event): DHTInterface.Describe.Reply(descriptor: event)
            case .silent: DHTInterface.Describe.Reply(problem: "no answer")
            case .unreachable:
                DHTInterface.Describe.Reply(problem: "this node has no way to such an address")
            case .refused(let error): DHTInterface.Describe.Reply(problem: "refused: \(error.message)")
            case .forged: DHTInterface.Describe.Reply(problem: "its answer is not signed by it")
            }
        }
        router.on(DHTInterface.Probe.self) { request, _ in
            guard request.targets.count <= StatusRun.most else {
                throw WireError(
                    .invalidParams, "\(request.targets.count) targets are more than \(StatusRun.most).")
            }
            let known = request.targets.map { target in
                Endpoint(target.address).map { StatusTarget(provider: target.provider, endpoint: $0) }
            }
            var reports = try await shell().probe(known.compactMap(\.self)).makeIterator()
            return DHTInterface.Probe.Reply(
                answers: zip(request.targets, known).map { target, usable in
                    guard usable != nil, let report = reports.next() else {
                        return DHTInterface.Probe.Answer(
                            provider: target.provider, problem: "it names no address to ask")
                    }
                    return Self.worded(report)
                })
        }
    }

    /// What has this node's status signed: nil when it cannot be, which the journal tells.
    static func source(_ aggregator: PeerLink, _ log: Logger) -> DHTShell.StatusSource {
        { challenge in
            do {
                return try await aggregator.call(AggregatorInterface.Status(challenge: challenge))
            } catch {
                log.info("no status", metadata: ["reason": "\(WireError.wrapping(error).message)"])
                return nil
            }
        }
    }

    private static func worded(_ report: StatusReport) -> DHTInterface.Probe.Answer {
        var answer = DHTInterface.Probe.Answer(provider: report.provider)
        switch report.end {
        case .told(let event, let milliseconds):
            answer.status = event
            answer.milliseconds = Int(milliseconds)
        case .silent: answer.problem = "no answer"
        case .unreachable: answer.problem = "this node has no way to such an address"
        case .refused(let error):
            answer.problem = "refused: \(error.message)"
            answer.refused = true
        case .forged: answer.problem = "its answer is not signed by it"
        }
        return answer
    }
}
