// content-d: decides what is valid content and keeps it. Its work is in ContentCore.

import ContentCore
import DaemonKit

@main enum Main {
    static func main() async { await DaemonMain.run(ContentDaemon.self) }
}
