// Writes what dht-d remembers when it has changed, one write at a time and off the event loop.
// It must never let a failing disk stop the node: it keeps the reason for whoever asks.

import Logging
import NIOPosix

/// Keeps the state file up to date, and the evidence file beside it.
actor StateKeeper {
    private let file: StateFile
    private let evidence: EvidenceFile
    private let journal: EvidenceJournal
    private let log: Logger
    private let threads: NIOThreadPool
    private var written: RememberedState?
    private var isWriting = false
    private var wanted: RememberedState?
    /// Who waits until a write that is under way, and the one that follows it, have ended.
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var failure: String?
    /// Why the last write failed; nil when it did not.
    var problem: String? { failure ?? journal.problem }

    /// The revision of the evidence that its file holds; nil before the first write.
    private(set) var evidenceRevision: UInt64?
    private var lastWrite: Task<Void, Never>?
    /// When evidence is written again at the earliest.
    private var evidenceDue = ContinuousClock.now

    init(_ file: StateFile, _ evidence: EvidenceFile, _ journal: EvidenceJournal, log: Logger) {
        self.file = file
        self.evidence = evidence
        self.journal = journal
        self.log = log
        threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
    }

    /// Writes `state` unless that is what the file holds; returns when it is on the disk or the attempt failed.
    func save(_ state: RememberedState) async {
        wanted = state
        guard !isWriting else {
            // Whoever writes takes this up next; "saved" must not be said before.
            return await withCheckedContinuation { waiting.append($0) }
        }
        isWriting = true
        defer {
            isWriting = false
            for each in waiting { each.resume() }
            waiting = []
        }
        while let next = wanted, next != written {
            wanted = nil
            let file = file
            do {
                try await threads.runIfActive { try file.write(next) }
                written = next
                failure = nil
            } catch {
                if failure == nil { log.warning("state not saved", metadata: ["error": "\(error)"]) }
                failure = String(describing: error)
                return
            }
        }
    }

    /// Whether it is time to write evidence again. Much of it is written less often: all of it is, each time.
    var isEvidenceDue: Bool { .now >= evidenceDue }

    /// Writes all evidence; returns when it is on the disk or the attempt failed. What others put since
    /// is in the journal.
    func save(_ pieces: [[UInt8]], revision: UInt64) async {
        let before = lastWrite
        let write = Task {
            await before?.value
            await self.write(pieces, revision)
        }
        lastWrite = write
        await write.value
    }

    private func write(_ pieces: [[UInt8]], _ revision: UInt64) async {
        let file = evidence
        do {
            try await threads.runIfActive { try file.write(pieces) }
            evidenceRevision = revision
            journal.settle()
            failure = nil
        } catch {
            if failure == nil { log.warning("evidence not saved", metadata: ["error": "\(error)"]) }
            failure = String(describing: error)
        }
        evidenceDue = .now + .seconds(5 + pieces.count / 100)
    }
}
