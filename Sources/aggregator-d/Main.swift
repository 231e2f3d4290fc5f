// The process aggregator-d: its one power is in ServiceTable, its work in AggregatorCore.
// It must never hold more than this call.

import AggregatorCore
import DaemonKit

@main enum Main {
    static func main() async { await DaemonMain.run(AggregatorDaemon.self) }
}
