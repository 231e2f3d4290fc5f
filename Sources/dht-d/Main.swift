// dht-d: finds providers and lets this node be found, over UDP. Its work is in DHTCore.
// It must never hold a key or speak TCP.

import DHTCore
import DaemonKit

@main enum Main {
    static func main() async { await DaemonMain.run(DHTDaemon.self) }
}
