// infernetctl: the person's hand, over the control sockets. Its work is in CtlCore.
// It must never hold more than this call.

import CtlCore

@main enum Main {
    static func main() async { await CtlMain.run() }
}
