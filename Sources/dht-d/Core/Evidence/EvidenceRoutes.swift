// Evidence for this node's own people: between words and the core's values.
// It must never take evidence of another node's: each publishes its own.

import IPC
import Interfaces
import NodeModel
import Wire

/// Serves `dht.testify` and `dht.testimony`.
struct EvidenceRoutes: Sendable {
    /// The running node, or the reason why there is none.
    let shell: @Sendable () throws -> DHTShell
    /// Writes down what is kept.
    let saved: @Sendable () async -> Void

    func add(to router: inout Router) {
        router.on(DHTInterface.Testify.self) { request, _ in
            let report = try await shell().evidence(.publish(request.evidence))
            if let failure = report.failure { throw Self.wireError(failure) }
            await saved()
            return DHTInterface.Testify.Reply(
                holders: report.holders,
                refusals: report.refusals.map { "\($0.key.code.rawValue) \($0.key.message): \($0.value)" }
                    .sorted())
        }
        router.on(DHTInterface.Testimony.self) { request, _ in
            let report = try await shell().evidence(.gather(request.provider))
            return DHTInterface.Testimony.Reply(evidence: report.evidence, holders: report.holders)
        }
    }

    private static func wireError(_ error: KRPCError) -> WireError {
        switch error.code {
        case .badSignature:
            WireError(.verificationFailed, "One of the evidence's two signatures is not valid.")
        case .outdated: WireError(.conflict, "Newer evidence of the same client is here already.")
        default: WireError(.invalidRequest, "The network would refuse this evidence: \(error.message).")
        }
    }
}
