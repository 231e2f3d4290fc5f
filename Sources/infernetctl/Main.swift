// infernetctl: the person's hand, over the control sockets. Its work is in CtlCore.

import CtlCore

@main enum Main {
    static func main() async { await CtlMain.run() }
}
