// What is wanted about evidence, from anywhere to the node's loop and back.
// It must never outlive the socket: who waits is told when that closes.

import NIOCore

extension DHTShell {
    /// Publishes or gathers evidence; ends by the core's own deadlines.
    func evidence(_ wish: EvidenceWish) async throws -> EvidenceReport {
        try await loop.flatSubmit {
            let promise = self.loop.makePromise(of: EvidenceReport.self)
            self.begin(.evidence(promise)) { .evidence(wish, $0) }
            return promise.futureResult
        }.get()
    }
}
