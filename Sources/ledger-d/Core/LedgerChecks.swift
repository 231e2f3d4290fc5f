// What ledger-d tries when it is asked how it is: key file, database, disk, chains, Lightning.
// It must never read the secret, nor write.

import DaemonKit
import EVM
import GRDB
import Interfaces
import NodeModel
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

    /// Chains and Lightning: naming one is what it takes to sell and to buy with it, and while it is silent every job that
    /// is paid so is refused.
    func checkRails() async -> [ControlInterface.Check] {
        var checks: [ControlInterface.Check] = []
        for rail in rails { checks.append(await rail.check()) }
        if let lightning { checks.append(await lightning.check()) }
        return checks
    }
}

extension EVMRail {
    /// Whether payments can come and go. One that was not looked at yet is not in doubt.
    func check() -> ControlInterface.Check {
        let name = "chain \(chain.name)"
        guard hasLooked else { return .init(name: name, ok: true, reason: standing.reason) }
        guard standing.ok else {
            return .init(
                name: name, ok: false, reason: standing.reason,
                fix: "Jobs in its tokens are refused until it is heard: see 'rpc' under ledger.chains.")
        }
        guard tokenTroubles.isEmpty else {
            return .init(
                name: name, ok: false, reason: tokenTroubles.joined(separator: "; "),
                fix: missing.isEmpty
                    ? "Hold the tokens under ledger.chains against the contracts: nothing is signed for one in doubt."
                    : "See 'infernetctl wallet reconcile', and docs/protocol/payments.md, 'Restored books'.")
        }
        let fee = EVMPaymentMachine.fee(in: chain.coin)
        if let waiting = awaited.sorted(by: { $0.key < $1.key }).first(where: { $0.value.hasPrefix(fee) }) {
            return .init(
                name: name, ok: false, reason: "'\(waiting.key)' waits for \(waiting.value)",
                fix: "Send some \(chain.coin) to \(signer.address.checksummed).")
        }
        return .init(name: name, ok: true, reason: standing.reason)
    }
}

extension LightningRail {
    func check() -> ControlInterface.Check {
        let name = "Lightning \(account.name)"
        guard hasLooked, !standing.ok else { return .init(name: name, ok: true, reason: standing.reason) }
        return .init(
            name: name, ok: false, reason: standing.reason,
            fix: "Jobs in \(account.asset.rawValue) are refused until it is heard: see ledger.lightning.")
    }
}
