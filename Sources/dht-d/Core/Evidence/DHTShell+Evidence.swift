// What is wanted about evidence, from anywhere to the node's loop and back.
// It must never outlive the socket: who waits is told when that closes.

import NIOCore

extension DHTShell {
    /// Takes up evidence of an earlier run, a few pieces at a time: each costs two signatures, and peers wait meanwhile.
    func restore(evidence pieces: [[UInt8]]) async throws {
        var rest = pieces[...]
        while !rest.isEmpty {
            let some = Array(rest.prefix(32))
            rest = rest.dropFirst(32)
            try await loop.submit { self.obey(.keepEvidence(some)) }.get()
        }
    }

    /// All evidence that is kept, to be written; nil when nothing has changed since `revision`.
    func evidence(since revision: UInt64?) async -> (revision: UInt64, pieces: [[UInt8]])? {
        try? await loop.submit {
            let store = self.node.desk.store
            guard store.revision != revision else { return nil }
            self.journal?.turn()
            return (store.revision, store.everything.map(\.encoded))
        }.get()
    }

    /// Publishes or gathers evidence; ends by the core's own deadlines.
    func evidence(_ wish: EvidenceWish) async throws -> EvidenceReport {
        try await loop.flatSubmit {
            let promise = self.loop.makePromise(of: EvidenceReport.self)
            self.begin(.evidence(promise)) { .evidence(wish, $0) }
            return promise.futureResult
        }.get()
    }
}
