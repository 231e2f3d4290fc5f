// What a ledger-d finds around itself in a test: a directory of its own, and nobody beside it.
// It must never hold a socket: ledger-d's methods are called as functions here.

import DaemonKit
import Logging
import NIOPosix
import NodeConfig
import Wire

extension DaemonEnvironment where Config == LedgerSection {
    /// - Parameter secrets: where a parent has put sealed keys.
    static func ledger(
        _ section: LedgerSection, in place: String, secrets: String? = nil,
        metrics: MetricsRegistry = MetricsRegistry()
    ) -> DaemonEnvironment {
        DaemonEnvironment(
            role: .ledger, config: section, node: NodeSection(),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            group: MultiThreadedEventLoopGroup.singleton, sockets: [:], stateDirectory: place,
            runtimeDirectory: place, credentialsDirectory: secrets, metrics: metrics)
    }
}
