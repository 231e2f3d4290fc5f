// infernet-supervisor: parent of all. Its work is in SupervisorCore.
// It must never hold more than this call.

import Glibc
import SupervisorCore

@main enum Main {
    static func main() async { exit(await SupervisorMain.run(Array(CommandLine.arguments.dropFirst()))) }
}
