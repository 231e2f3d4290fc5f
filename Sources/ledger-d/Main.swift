// The process ledger-d: its one power is in ServiceTable, its work in LedgerCore.
// It must never hold more than this call.

import DaemonKit
import LedgerCore

@main enum Main {
    static func main() async { await DaemonMain.run(LedgerDaemon.self) }
}
