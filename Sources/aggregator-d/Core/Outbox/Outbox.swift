// Makes and delivers the acceptances that are owed, until each has arrived; what is owed survives a restart.
// It must never deliver an acceptance to another key than the receipt's provider.

import IPC
import Interfaces
import Logging
import NodeModel
import Synchronization
import Wire

/// The shell around the journal's outbox.
final class Outbox: Sendable {
    private let links: Links
    private let journal: JobJournal
    private let clock: WallClock
    private let log: Logger
    private let bell = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    private let batch = 32

    init(links: Links, journal: JobJournal, clock: WallClock, log: Logger) {
        self.links = links
        self.journal = journal
        self.clock = clock
        self.log = log
    }

    /// Something new is owed.
    func wake() { bell.continuation.yield() }

    /// Works until the task is cancelled.
    /// - Parameter endpoint: where a provider was last heard to be, when that is known.
    func run(endpoint: @Sendable (PublicKey) -> String?) async {
        let ring = bell.continuation
        var rings = bell.stream.makeAsyncIterator()
        while !Task.isCancelled {
            let wait = await round(endpoint)
            // An alarm for the next one that is due; new ones ring by themselves.
            let alarm = Task {
                try await Task.sleep(for: .milliseconds(wait))
                ring.yield()
            }
            let rang = await rings.next(isolation: #isolation) != nil
            alarm.cancel()
            guard rang else { break }
        }
    }

    /// Tries everything that is due; gives the milliseconds until the next one is.
    func round(_ endpoint: @Sendable (PublicKey) -> String?) async -> Int64 {
        do {
            try await journal.commit()
            let now = clock.milliseconds()
            let rows = try await journal.outbox(limit: batch)
            for row in rows where row.nextAt <= now { await attempt(row, endpoint(row.provider)) }
            guard let next = rows.first(where: { $0.nextAt > now })?.nextAt else {
                return rows.isEmpty ? 3_600_000 : 1_000
            }
            return min(max(next - now, 50), 3_600_000)
        } catch {
            log.warning("the outbox cannot be read", metadata: ["error": "\(error)"])
            return 5_000
        }
    }

    private func attempt(_ row: OutboxRow, _ endpoint: String?) async {
        let now = clock.milliseconds()
        let trace = row.key.job.text
        do {
            guard var bundle = try await journal.receipt(row.key.job, served: row.key.served) else {
                return journal.append(.settled(row.key))
            }
            var reveal: SignedEvent?
            if bundle.acceptance == nil {
                let reply = try await links.ledger.call(
                    LedgerInterface.AcceptReceipt(receipt: bundle.receipt), trace: trace)
                bundle.acceptance = reply.acceptance
                reveal = reply.reveal
                journal.append(.accepted(row.key, reply.acceptance))
            } else if ReceiptBody.isOnLightning(bundle.receipt) {
                reveal = try await revealed(bundle.receipt, trace)
            }
            if let kept = row.endpoint {
                if let reveal { try await deliver(reveal, row, endpoint ?? kept, trace) }
                _ = try await links.ws.call(
                    WSInterface.DeliverAcceptance(
                        endpoint: endpoint ?? kept, provider: row.provider, bundle: bundle), trace: trace)
                journal.append(
                    .noted(row.key, "answered, accepted; the provider has the acceptance", at: now))
            } else {
                journal.append(.noted(row.key, "answered and accepted", at: now))
            }
            journal.append(.settled(row.key))
        } catch {
            failed(row, WireError.wrapping(error))
        }
    }

    /// The preimage of what is held for a job, while its provider has not taken it.
    private func revealed(_ receipt: SignedEvent, _ trace: String) async throws -> SignedEvent? {
        do {
            return try await links.ledger.call(
                LedgerInterface.AcceptReceipt(receipt: receipt), trace: trace
            ).reveal
        } catch let error as WireError where error.code == .policyRefused {
            // Accepted too long ago to be accepted again: nothing is held as long.
            return nil
        }
    }

    /// Brings it. A provider that wants none is still given the acceptance.
    private func deliver(
        _ reveal: SignedEvent, _ row: OutboxRow, _ endpoint: String, _ trace: String
    ) async throws {
        do {
            _ = try await links.ws.call(
                WSInterface.Credit(endpoint: endpoint, provider: row.provider, request: reveal), trace: trace)
        } catch {
            let error = WireError.wrapping(error)
            guard case .never = OutboxSchedule.after(error, attempts: 1, nowMs: 0) else { throw error }
            log.warning(
                "a provider does not take what is held for it",
                metadata: ["job": "\(row.key.job)", "error": "\(error.message)"])
        }
    }

    private func failed(_ row: OutboxRow, _ error: WireError) {
        let now = clock.milliseconds()
        let attempts = row.attempts + 1
        switch OutboxSchedule.after(error, attempts: attempts, nowMs: now) {
        case .again(let at):
            journal.append(.postponed(row.key, attempts: attempts, nextAt: at, error: error.message))
        case .never:
            log.warning(
                "an acceptance was refused for good",
                metadata: ["job": "\(row.key.job)", "code": "\(error.code)", "error": "\(error.message)"])
            journal.append(.noted(row.key, "answered; the acceptance was refused: \(error.message)", at: now))
            journal.append(.settled(row.key))
        }
    }
}

extension ReceiptBody {
    /// Whether a receipt is for a job that is paid on Lightning.
    static func isOnLightning(_ receipt: SignedEvent) -> Bool {
        (try? ReceiptBody(unproven: receipt))?.unitPrice.asset.isLightning ?? false
    }
}
