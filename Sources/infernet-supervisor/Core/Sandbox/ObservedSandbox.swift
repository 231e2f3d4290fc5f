// What the kernel shows of the walls around a process that somebody else started: systemd, from the unit of the same row.
// It must never count a wall that cannot be seen from outside, such as what a unit's mounts hide.

import Interfaces
import NodeSystem
import Policy

extension SupervisorInterface.Sandbox {
    /// What `/proc` says of a daemon's process; nil when it is gone.
    ///
    /// - Parameter uid: of the row's user; nil when this machine does not have it.
    static func observed(_ row: ServiceRow, pid: Int32, uid: UInt32?) -> Self? {
        guard let identity = try? ProcessIdentity.of(pid: pid) else { return nil }
        return Self(row, identity, try? ProcessLimits.of(pid: pid), uid: uid)
    }

    init(_ row: ServiceRow, _ identity: ProcessIdentity, _ limits: ProcessLimits?, uid: UInt32?) {
        self.init(inForce: [], missing: [])
        see("own user", uid != nil && identity.users.allSatisfy { $0 == uid }, "its process has another user")
        let none = identity.effectiveCapabilities == 0 && identity.boundingCapabilities == 0
        see("no capabilities", none, "its process has some, or could get them")
        see("no new privileges", identity.noNewPrivileges, "its process could gain some")
        see("system calls", identity.seccompMode == 2, "its process has no filter")
        let kept = limits.map { $0.coreBytes == 0 && $0.openFiles ?? .max <= row.maximumFiles } ?? false
        see("limits", kept, "its process has others than its row")
    }

    private mutating func see(_ name: String, _ stands: Bool, _ otherwise: String) {
        if stands { inForce.append(name) } else { missing.append("\(name): \(otherwise)") }
    }
}
