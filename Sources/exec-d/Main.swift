// Starts exec-d. It must never do anything else.

import DaemonKit
import ExecCore

@main enum Main {
    static func main() async { await DaemonMain.run(ExecDaemon.self) }
}
