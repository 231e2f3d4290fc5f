// This node's status as a provider, composed from what is known and signed by ledger-d.
// It must never tell of a model as loaded that is not ready, nor of whose jobs run.

import IPC
import Interfaces
import NodeConfig
import NodeModel
import Wire

extension Workplace {
    /// How this node is now, signed over a stranger's challenge.
    func status(over challenge: String) async throws -> SignedEvent {
        let local = await surroundings.local()
        let status = Self.status(
            of: local, own: try await surroundings.identity(trace: nil), challenge: challenge,
            accepts: config.aggregator.provide && !servedGate.isShut && servedGate.hasRoom
                && local.obstacle == nil, serving: servedGate.active, now: clock.seconds)
        return try await links.ledger.call(LedgerInterface.SignStatus(status: status))
    }

    /// The status as exec-d's inventory has it. `serving`: jobs of others that were let in; exec-d may not have them yet.
    static func status(
        of local: LocalView, own: PublicKey, challenge: String, accepts: Bool, serving: Int, now: Int64
    ) -> ProviderStatus {
        guard case .success(let inventory) = local.inventory else {
            return ProviderStatus(
                provider: own, challenge: challenge, accepts: false, slots: 0, busy: 0, queued: 0,
                createdAt: now)
        }
        let ready = inventory.engines.filter { $0.state == "ready" }.map {
            String($0.modelRoot.hex.prefix(ProviderStatus.prefixLength))
        }
        return ProviderStatus(
            provider: own, challenge: challenge, accepts: accepts, slots: inventory.slots,
            busy: max(inventory.busy, serving), queued: inventory.queued,
            freeMiB: inventory.computing.filter { $0.kind != "cpu" }.compactMap(\.freeMiB).max(),
            loaded: Array(Set(ready).sorted().prefix(ProviderStatus.mostLoaded)), createdAt: now)
    }
}
