// exec-d: runs jobs in hardened containers. Its work is in ExecCore.
// It must never hold more than this call.

import DaemonKit
import ExecCore

@main enum Main {
    static func main() async { await DaemonMain.run(ExecDaemon.self) }
}
