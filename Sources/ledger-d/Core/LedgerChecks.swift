// What ledger-d tries when it is asked how it is: key file, database, disk.
// It must never read the secret, nor write.

import DaemonKit
import GRDB
import Interfaces
import NodeSystem

extension LedgerDaemon {
    func checkKey() -> ControlInterface.Check {
        do {
            try keyFile.check()
            return .init(name: "key", ok: true, reason: "readable by this daemon only")
        } catch let failure as StartFailure {
            return .init(name: "key", ok: false, reason: failure.message, fix: failure.fix)
        } catch {
            return .init(name: "key", ok: false, reason: "\(error)", fix: "See the log of ledger-d.")
        }
    }

    func checkLedger() async -> ControlInterface.Check {
        do {
            let balance = try await ledger.pool.read { db in
                try Ledger.verifyHead(db)
                return try Int64.fetchOne(db, sql: "SELECT max(sequence) FROM link") ?? 0
            }
            return .init(name: "ledger", ok: true, reason: "open, head of \(balance) transfers verified")
        } catch {
            return .init(
                name: "ledger", ok: false, reason: "the chain cannot be verified: \(error)",
                fix: "Keep ledger.db* for examination and restore the last backup.")
        }
    }

    func checkDisk() -> ControlInterface.Check {
        do {
            let free = try DiskSpace.of(stateDirectory).freeBytes
            return .init(
                name: "disk", ok: free >= Self.headroom, reason: "\(free / 1_048_576) MiB free",
                fix: free >= Self.headroom
                    ? nil : "Free some space: below \(Self.headroom / 1_048_576) MiB nothing may be booked.")
        } catch {
            return .init(
                name: "disk", ok: false, reason: "\(error)", fix: "See that the state directory is there.")
        }
    }
}
