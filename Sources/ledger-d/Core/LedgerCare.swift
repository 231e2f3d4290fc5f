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
        try requireOwnKeyFile()
        // From here on nothing is booked until the next start, so that nothing can come between.
        try leave()
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

    /// Makes a new key, and has the present one name it as the one that follows.
    func rotateKey() async throws -> LedgerInterface.RotateKey.Reply {
        try requireOwnKeyFile()
        try leave()
        do {
            // Nothing new is promised from here on.
            try await requireNothingTied()
            let successor = SecretKey.generate()
            let succession = Succession(predecessor: key.publicKey, successor: successor.publicKey, at: now)
            let consent = try successor.signature(of: succession.consentMessage)
            let event = try key.sign(try succession.template(consent: consent))
            // The file comes first: a key that the ledger names and nobody has would be the end of this node.
            try keyFile.prepareSuccessor(successor)
            try await ledger.succeed(event, to: successor.publicKey)
            return LedgerInterface.RotateKey.Reply(npub: successor.publicKey.npub, succession: event)
        } catch {
            // Whether the ledger names the successor is looked up at the next start, which keeps or drops the file.
            if try await ledger.successions().last?.pubkey != key.publicKey {
                isLeaving.withLockedValue { $0 = false }
            }
            throw error
        }
    }

    /// Stops all booking until the next start; once.
    private func leave() throws(WireError) {
        let isFirst = isLeaving.withLockedValue { isLeaving in
            defer { isLeaving = true }
            return !isLeaving
        }
        guard isFirst else {
            throw WireError(
                .conflict, "Another key takes over at the next start already.", fix: "Restart the node.")
        }
    }

    private func requireOwnKeyFile() throws(WireError) {
        guard keyFile.isSealed else { return }
        throw WireError(
            .policyRefused,
            "This node's key is sealed by its parent; ledger-d cannot put another in its place.",
            fix: "Move the sealed key and ledger.db* away, start, restore the key here, start again, and run "
                + "'infernetctl setup', which seals it.")
    }
}
