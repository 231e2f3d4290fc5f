// A ledger-d in a test's own directory, with a clock that the test turns, and strangers to deal with.
// It must never stub what is tested: key file, SQLite and signatures are the real ones.

import DaemonKit
import Glibc
import Interfaces
import NIOConcurrencyHelpers
import NodeConfig
import NodeModel
import Nostr
import TestKit
import Wire

@testable import LedgerCore

final class LedgerFixture: Sendable {
    let directory: Place
    let time = NIOLockedValueBox<Int64>(1_790_000_000_000)
    let metrics = MetricsRegistry()
    let maxPerJob: Int64
    let maxPerDay: Int64
    let maxPerPeer: Int64

    init(maxPerJob: Int64 = 1_000, maxPerDay: Int64 = 10_000, maxPerPeer: Int64 = .max) throws {
        directory = Place(try TemporaryDirectory())
        self.maxPerJob = maxPerJob
        self.maxPerDay = maxPerDay
        self.maxPerPeer = maxPerPeer
    }

    /// A ledger in a directory that belongs to another process; it stays when the fixture goes.
    init(adopting path: String) throws {
        directory = Place(path)
        maxPerJob = 1_000
        maxPerDay = .max
        maxPerPeer = .max
    }

    /// Where the ledger is.
    struct Place: Sendable {
        let path: String
        private let owned: TemporaryDirectory?

        init(_ owned: TemporaryDirectory) {
            self.owned = owned
            path = owned.path
        }

        init(_ path: String) {
            self.path = path
            owned = nil
        }

        func appending(_ name: String) -> String { path + "/" + name }
    }

    var now: Int64 { time.withLockedValue { $0 } / 1000 }
    var databasePath: String { directory.appending(Ledger.fileName) }
    var keyPath: String { directory.appending(NodeKeyFile.name) }

    func open(secrets: String? = nil) throws -> LedgerDaemon {
        var section = LedgerSection()
        section.maxPerJob = maxPerJob
        section.maxPerDay = maxPerDay
        section.maxPerPeer = maxPerPeer
        let environment = DaemonEnvironment.ledger(
            section, in: directory.path, secrets: secrets, metrics: metrics)
        return try LedgerDaemon(environment, clock: { [time] in time.withLockedValue { $0 } })
    }

    /// The body of a receipt for 30 + 12 tokens at 1 and 2 micro-units, unless said otherwise.
    func body(
        provider: PublicKey, client: PublicKey, job: Int = 1, promptTokens: Int64 = 30, unit: Int64 = 1
    ) throws -> ReceiptBody {
        var number = [UInt8](repeating: 7, count: 16)
        for index in 12..<16 { number[index] = UInt8(truncatingIfNeeded: job >> (8 * (15 - index))) }
        guard let id = JobID("job_" + Hex.encode(number)) else {
            throw WireError(.internalError, "a job id was not accepted")
        }
        return ReceiptBody(
            job: id, provider: provider, client: client, model: "smollm2-135m-instruct",
            modelRoot: Digest(hashing: "model"), image: "sha256:" + Digest(hashing: "image").hex,
            requestHash: Digest(hashing: "request"), resultHash: Digest(hashing: "answer"),
            usage: Usage(promptTokens: promptTokens, completionTokens: 12),
            timings: StageTimings(queueMs: 1, loadMs: 0, firstTokenMs: 20, generateMs: 300), finish: .stop,
            unitPrice: UnitPrice(prompt: unit, completion: 2 * unit), price: (promptTokens + 24) * unit,
            finishedAt: now)
    }

    /// What `daemon` signs for a stranger's job: it takes the job first, as it must.
    func issued(_ daemon: LedgerDaemon, _ body: ReceiptBody) async throws -> SignedEvent {
        _ = try await daemon.take(terms(body))
        return try await daemon.signReceipt(body)
    }

    /// The terms that a receipt keeps to the letter.
    func terms(_ body: ReceiptBody) -> TakenJob {
        TakenJob(
            job: body.job, client: body.client, modelRoot: body.modelRoot, unitPrice: body.unitPrice,
            maxTokens: Int(body.usage.completionTokens))
    }

    /// A stranger's receipt made out to `client`.
    func receipt(_ provider: SecretKey, client: PublicKey, job: Int = 1, unit: Int64 = 1) throws
        -> SignedEvent
    {
        try provider.sign(
            try body(provider: provider.publicKey, client: client, job: job, unit: unit).template())
    }

    /// What a stranger accepted.
    func acceptance(_ client: SecretKey, of receipt: SignedEvent) throws -> ReceiptBundle {
        let body = try ReceiptBody(receipt)
        return ReceiptBundle(
            receipt: receipt,
            acceptance: try client.sign(Acceptance.template(receipt: receipt, body: body, acceptedAt: now)))
    }
}

extension LedgerInterface.Balance.Reply {
    /// What was earned and spent in test credits, which stand first.
    var credits: LedgerInterface.Balance.Total { totals[0] }
}
