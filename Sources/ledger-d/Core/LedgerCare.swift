// What a person asks of ledger-d about itself: the audit, a backup, another key.
// It must never hand out the key but under a passphrase, nor give up a key under which something was booked.

import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import Wire

extension LedgerDaemon {
    func audit() async throws -> LedgerInterface.Audit.Reply {
        let report = try await ledger.audit()
        return LedgerInterface.Audit.Reply(
            transfers: report.transfers, operations: report.operations, heads: report.heads,
            chainHead: report.head, faults: report.faults)
    }

    func backUp(_ passphrase: String) async throws -> LedgerInterface.Backup.Reply {
        // The key's file is not encrypted, so that it must be called handled insecurely (NIP-49).
        let sealed = try Passphrase.seal(key, passphrase, handling: .insecure)
        let copy = try ledger.backUp(to: stateDirectory)
        return LedgerInterface.Backup.Reply(
            ncryptsec: sealed.text, npub: key.publicKey.npub, path: copy.path, transfers: copy.transfers,
            chainHead: copy.head)
    }

    func restore(_ text: String, _ passphrase: String) async throws -> LedgerInterface.Restore.Reply {
        let restored = try Passphrase.open(text, passphrase)
        guard restored.publicKey != key.publicKey else {
            return LedgerInterface.Restore.Reply(npub: key.publicKey.npub, restart: false)
        }
        guard !keyFile.isSealed else {
            throw WireError(
                .policyRefused,
                "This node's key is sealed by its parent; ledger-d cannot put another in its place.",
                fix: "Move the sealed key and ledger.db* away, start, restore here, start again, and run "
                    + "'infernetctl setup', which seals it.")
        }
        // From here on nothing is booked until the next start, so that nothing can come between.
        isLeaving.withLockedValue { $0 = true }
        do {
            guard try await ledger.isEmpty() else {
                throw WireError(
                    .policyRefused, "This node has a history under its present key.",
                    fix: "Restore on a node that has done nothing yet, or move its ledger-d state away first."
                )
            }
            try keyFile.stage(restored)
        } catch {
            isLeaving.withLockedValue { $0 = false }
            throw error
        }
        return LedgerInterface.Restore.Reply(npub: restored.publicKey.npub, restart: true)
    }
}
