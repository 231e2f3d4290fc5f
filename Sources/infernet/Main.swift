// infernet: all programs of a node in one file, which is one of them by the name under which it is started.
// It must never choose by anything else than that name, nor hold more than this choice.

import AggregatorCore
import ContentCore
import CtlCore
import DHTCore
import DaemonKit
import Dispatch
import ExecCore
import Glibc
import LedgerCore
import NodeSystem
import SupervisorCore
import WSCore
import Wire

@main enum Main {
    static func main() {
        var path = CommandLine.arguments.first ?? ""
        // Before anything that could start a thread.
        if name(path) == Standby.program {
            rehearse()
            path = Standby.becomeNeeded()
        }
        guard let role = Role(rawValue: name(path)) else { explain() }
        Task { await run(role) }
        dispatchMain()
    }

    private static func name(_ path: String) -> String {
        String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...])
    }

    private static func rehearse() {
        DaemonMain.rehearse(LedgerDaemon.self)
        DaemonMain.rehearse(ContentDaemon.self)
        DaemonMain.rehearse(ExecDaemon.self)
        DaemonMain.rehearse(DHTDaemon.self)
        DaemonMain.rehearse(AggregatorDaemon.self)
        DaemonMain.rehearse(WSDaemon.self)
    }

    private static func run(_ role: Role) async {
        switch role {
        case .supervisor: exit(await SupervisorMain.run(Array(CommandLine.arguments.dropFirst())))
        case .ledger: await DaemonMain.run(LedgerDaemon.self)
        case .content: await DaemonMain.run(ContentDaemon.self)
        case .exec: await DaemonMain.run(ExecDaemon.self)
        case .dht: await DaemonMain.run(DHTDaemon.self)
        case .aggregator: await DaemonMain.run(AggregatorDaemon.self)
        case .ws: await DaemonMain.run(WSDaemon.self)
        case .ctl: await CtlMain.run()
        }
    }

    /// What a person sees who starts the file itself.
    private static func explain() -> Never {
        let names = Role.allCases.map(\.rawValue).joined(separator: ", ")
        let text = "This file is one of the programs \(names), by the name that it is started under.\n"
        _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        exit(64)
    }
}
