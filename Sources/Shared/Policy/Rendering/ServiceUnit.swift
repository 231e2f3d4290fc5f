// A row of the service table as a systemd service. It must never contain a directive that does nothing on Debian 12
// (systemd 252 without BPF_FRAMEWORK: SocketBind*, RestrictNetworkInterfaces, RestrictFileSystems).

import Wire

/// Renders `infernet-*.service`.
struct ServiceUnit {
    let row: ServiceRow

    var text: String {
        var unit = UnitText()
        unit.section("Unit")
        unit.set("Description", "Infernet \(row.role.rawValue): \(row.summary)")
        unit.set("Documentation", "file:/usr/share/doc/infernet/PRIVILEGES.md")
        unit.set("PartOf", UnitName.target)
        // The supervisor reads the file itself: somebody must be there to say what is wrong with it.
        if row.role != .supervisor {
            unit.set("Requires", UnitName.configuration)
            unit.set("After", [UnitName.configuration] + before.map(UnitName.service))
        }
        unit.set("StartLimitIntervalSec", "60")
        unit.set("StartLimitBurst", "\(row.restartsPerMinute)")
        unit.section("Service")
        life(&unit)
        identity(&unit)
        files(&unit)
        network(&unit)
        kernel(&unit)
        limits(&unit)
        return unit.text
    }

    /// Those that are to be ready first.
    private var before: [Role] {
        ServiceTable.rows.filter { $0.startOrder < row.startOrder }.map(\.role)
    }

    private func life(_ unit: inout UnitText) {
        unit.set("Type", "notify")
        let mode = row.role == .supervisor ? " --watch" : ""
        unit.set("ExecStart", PackageLayout.program(of: row.role) + mode)
        unit.set("Sockets", UnitName.sockets(of: row))
        unit.set("NonBlocking", "yes")
        unit.set("LoadCredentialEncrypted", each: row.credentials)
        // A crash reporter would take 0.3 s and a fork; the journal has the signal and the last lines.
        let confine = row.role == .supervisor ? "" : " \(ServiceTable.confineFiles)=1"
        // Dispatch would fill the journal with words on priorities that no thread here may set, or needs.
        let quiet = "SWIFT_BACKTRACE=enable=no LIBDISPATCH_LOG=NO"
        unit.set("Environment", "LANG=C.UTF-8 INFERNET_PARENT=systemd \(quiet)\(confine)")
        unit.set("WatchdogSec", "\(row.watchdogMs)ms")
        unit.set("WatchdogSignal", "SIGKILL")
        unit.set("TimeoutStartSec", "\(row.startTimeoutMs)ms")
        unit.set("TimeoutStopSec", "\(row.stopTimeoutMs)ms")
        unit.set("Restart", "always")
        // Any time but zero costs up to 200 ms more than it says.
        unit.set("RestartSec", "0")
        unit.set("RestartPreventExitStatus", ServiceTable.permanentExits.map(String.init))
        if row.keptConnections > 0 { unit.set("FileDescriptorStoreMax", "\(row.keptConnections)") }
        // Its part of the configuration, opened by systemd: a file that root alone may read. LoadCredential= would put a
        // mount of each unit into the namespace of every other, and each costs a restart 2 ms.
        let slice = "file:\(PackageLayout.slices)/\(row.role.rawValue).json"
        unit.set("StandardInput", row.role == .supervisor ? "null" : slice)
        unit.set("StandardOutput", "null")
        unit.set("StandardError", "journal")
        unit.set("SyslogIdentifier", row.role.rawValue)
    }

    private func identity(_ unit: inout UnitText) {
        unit.set("User", row.user)
        unit.set("Group", row.user)
        unit.set("SupplementaryGroups", row.groups)
        unit.set("NoNewPrivileges", "yes")
        unit.set("CapabilityBoundingSet", "")
        unit.set("AmbientCapabilities", "")
        unit.set("KeyringMode", "private")
        // PrivateUsers= would turn every caller's uid into 65534, and daemons judge their callers by it.
    }

    private func files(_ unit: inout UnitText) {
        let own = ["/var/lib/infernet/\(row.role.rawValue)", "/run/infernet/\(row.role.rawValue)/run"]
        unit.set("UMask", octal(UInt16(row.fileMask)))
        unit.set("StateDirectory", "infernet/\(row.role.rawValue)")
        unit.set("StateDirectoryMode", octal(row.stateMode))
        unit.set("RuntimeDirectory", "infernet/\(row.role.rawValue)/run")
        unit.set("RuntimeDirectoryMode", octal(row.stateMode))
        unit.set("RuntimeDirectoryPreserve", "restart")
        unit.set("ProtectSystem", "strict")
        unit.set("ProtectHome", "yes")
        unit.set("PrivateTmp", "yes")
        unit.set("PrivateMounts", "yes")
        unit.set("ProtectProc", row.role == .supervisor ? "default" : "invisible")
        unit.set("ProcSubset", row.seesProcesses ? "all" : "pid")
        unit.set("InaccessiblePaths", hidden.map { "-\($0)" })
        // Executable is what these mounts hold; naming a folder above a mount would not cover it.
        unit.set("NoExecPaths", (["/", "/tmp", "/var/tmp", "/dev/shm"] + own))
        // The loader is a link from /lib64 into it. What the program and its libraries lie in is surely there.
        unit.set("ExecPaths", ["/usr/lib"] + row.executable.map { "-\($0)" })
        if row.devices.isEmpty { unit.set("PrivateDevices", "yes") }
        unit.set("DevicePolicy", "closed")
        unit.set("DeviceAllow", each: row.devices.map { "\($0.driver) rw" })
    }

    /// What is not even there, whatever its owner and mode say. Each path costs a restart 4 ms, since systemd
    /// reads all mounts again for each; what else a row does not give, Landlock closes for the daemons (ADR 0018).
    private var hidden: [String] {
        let docker = row.groups.contains(ServiceTable.dockerGroup) ? [] : ServiceTable.dockerSockets
        guard row.role == .supervisor else { return [PackageLayout.configuration] + docker }
        return ServiceTable.rows.map { PackageLayout.state(of: $0.role) } + [PackageLayout.slices] + docker
    }

    private func network(_ unit: inout UnitText) {
        unit.set("RestrictAddressFamilies", row.network.families)
        guard row.network != .own else { return }
        // Sockets that were handed over stay in the network in which they were made.
        unit.set("PrivateNetwork", "yes")
        if row.network == .none { unit.set("IPAddressDeny", "any") }
    }

    private func kernel(_ unit: inout UnitText) {
        unit.set("PrivateIPC", "yes")
        unit.set("RemoveIPC", "yes")
        for wall in [
            "ProtectClock", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs",
            "ProtectKernelModules", "ProtectKernelTunables", "RestrictNamespaces", "RestrictRealtime",
            "RestrictSUIDSGID", "LockPersonality", "MemoryDenyWriteExecute",
        ] { unit.set(wall, "yes") }
        unit.set("SystemCallArchitectures", "native")
        // The order of the two lines matters: the second takes away from the first.
        unit.set("SystemCallFilter", row.systemCalls.allowed)
        unit.set("SystemCallFilter", "~" + row.systemCalls.denied.joined(separator: " "))
        unit.set("SystemCallErrorNumber", "EPERM")
    }

    private func limits(_ unit: inout UnitText) {
        unit.set("LimitCORE", "0")
        unit.set("LimitNOFILE", "\(row.maximumFiles)")
        unit.set("TasksMax", "\(row.maximumTasks)")
        unit.set("MemoryMax", "\(row.memoryMiB)M")
        unit.set("MemorySwapMax", "0")
    }

    private func octal(_ mode: UInt16) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: 4 - min(4, digits.count)) + digits
    }
}
