// The tables of Policy in the form in which people are told. It must never leave out a row.

import Interfaces
import Policy
import Wire

extension SupervisorInterface.Privileges.Reply {
    /// What every process is given.
    static var table: Self {
        .init(
            rows: ServiceTable.rows.map { row in
                .init(
                    daemon: row.role, summary: row.summary, user: row.user, groups: row.groups,
                    families: row.network.families, reads: row.readable, executes: row.executable,
                    devices: row.devices.map(\.nodes), maximumFiles: row.maximumFiles,
                    maximumTasks: row.maximumTasks, memoryMiB: row.memoryMiB)
            },
            grants: Grants.all.map {
                .init(caller: $0.caller, callee: $0.callee, methods: $0.methods.sorted())
            })
    }
}
