// content-d: decides what is valid content and keeps it. Its work is in ContentCore.
// It must never hold more than this call.

import ContentCore
import DaemonKit

@main enum Main {
    static func main() async { await DaemonMain.run(ContentDaemon.self) }
}
