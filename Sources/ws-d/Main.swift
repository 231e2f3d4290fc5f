// ws-d's executable: HTTP and WebSocket. Everything it does lives in Core.
// It must never hold logic.

import DaemonKit
import WSCore

@main enum Main { static func main() async { await DaemonMain.run(WSDaemon.self) } }
