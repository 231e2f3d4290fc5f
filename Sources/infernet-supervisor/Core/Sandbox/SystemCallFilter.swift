// Compiles a row's system calls into a seccomp filter, in the meaning that systemd gives the same row: what is not
// allowed is refused with EPERM, another architecture's calls kill. It must never allow a call that the row does not.

import CSeccomp
import Glibc
import NodeSystem
import Policy

/// A seccomp filter for one row.
enum SystemCallFilter {
    /// One BPF instruction per element, for `SpawnRequest.seccompFilter`.
    ///
    /// - Throws: `SystemError` when libseccomp refuses a rule.
    static func compile(_ row: ServiceRow) throws -> [UInt64] {
        guard let context = seccomp_init(cseccomp_refuse(UInt16(EPERM))) else {
            throw SystemError(.callFailed, "libseccomp cannot make a filter")
        }
        defer { seccomp_release(context) }
        let rules = Rules(context: context)
        try rules.set(SCMP_FLTATR_ACT_BADARCH, cseccomp_kill())
        // A tree instead of a list: a call is judged in about ten steps.
        try rules.set(SCMP_FLTATR_CTL_OPTIMIZE, 2)
        for name in row.systemCalls.names where !judged.contains(name) { try rules.allow(name) }
        try rules.judge(row.network)
        return try export(context)
    }

    /// Calls whose arguments decide.
    private static let judged: Set<String> = [
        "socket", "clone", "clone3", "unshare", "setns", "mmap", "mprotect", "pkey_mprotect", "shmat",
        "chmod",
        "fchmod", "fchmodat", "fchmodat2", "mkdir", "mkdirat", "mknod", "mknodat", "open", "openat",
        "openat2",
        "creat",
    ]

    private static func export(_ context: scmp_filter_ctx) throws -> [UInt64] {
        let (reading, writing) = try BytePipe.make()
        defer { close(reading) }
        // At most 4096 instructions of eight bytes: less than a pipe holds.
        let code = seccomp_export_bpf(context, writing)
        close(writing)
        guard code == 0 else {
            throw SystemError(call: "libseccomp cannot compile a filter", errno: -code)
        }
        var filter: [UInt64] = []
        var buffer = [UInt64](repeating: 0, count: 4096)
        let count = read(reading, &buffer, buffer.count * 8)
        guard count > 0, count % 8 == 0 else {
            throw SystemError(.malformed, "libseccomp wrote a filter of \(count) bytes")
        }
        filter += buffer[..<(count / 8)]
        return filter
    }
}

/// Rules on their way into a filter.
private struct Rules {
    let context: scmp_filter_ctx

    /// `PROT_EXEC`, `SHM_EXEC` and so on: bits of arguments, which are the same on all Linux architectures that we build.
    private enum Bits {
        static let write: UInt64 = 2, execute: UInt64 = 4, attachExecutable: UInt64 = 0o100000
        static let setIDs: UInt64 = 0o6000, create = UInt64(O_CREAT), temporary: UInt64 = 0o20000000
        /// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
        static let namespaces: UInt64 = 0x7E02_0000
    }

    func set(_ attribute: scmp_filter_attr, _ value: UInt32) throws {
        try check(seccomp_attr_set(context, attribute, value), "an attribute")
    }

    func allow(_ name: String, _ conditions: scmp_arg_cmp...) throws {
        try add(cseccomp_allow(), name, conditions)
    }

    func refuse(_ name: String, _ error: Int32, _ conditions: scmp_arg_cmp...) throws {
        try add(cseccomp_refuse(UInt16(error)), name, conditions)
    }

    private func add(_ action: UInt32, _ name: String, _ conditions: [scmp_arg_cmp]) throws {
        let number = seccomp_syscall_resolve_name(name)
        // A call that this architecture does not have cannot be made here.
        guard number >= 0 else { return }
        try check(
            seccomp_rule_add_array(context, action, number, UInt32(conditions.count), conditions), name)
    }

    private func check(_ code: Int32, _ what: String) throws {
        guard code == 0 else {
            throw SystemError(call: "libseccomp refuses a rule for \(what)", errno: -code)
        }
    }

    /// The bits of an argument under `mask` are `value`.
    private func bits(_ argument: UInt32, _ mask: UInt64, _ value: UInt64 = 0) -> scmp_arg_cmp {
        scmp_arg_cmp(arg: argument, op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: value)
    }

    private func compare(_ argument: UInt32, _ how: scmp_compare, _ value: UInt64) -> scmp_arg_cmp {
        scmp_arg_cmp(arg: argument, op: how, datum_a: value, datum_b: 0)
    }

    func judge(_ network: NetworkPower) throws {
        try sockets(network)
        try namespaces()
        try executableMemory()
        try setIDFiles()
    }

    /// Only in the row's families; others answer as a kernel without them does.
    private func sockets(_ network: NetworkPower) throws {
        let families = network.families.compactMap { Self.numbers[$0] }.sorted()
        guard let last = families.last else { return }
        for family in 0...last {
            if families.contains(family) {
                try allow("socket", compare(0, SCMP_CMP_EQ, family))
            } else {
                try refuse("socket", EAFNOSUPPORT, compare(0, SCMP_CMP_EQ, family))
            }
        }
        try refuse("socket", EAFNOSUPPORT, compare(0, SCMP_CMP_GT, last))
    }

    private static let numbers: [String: UInt64] = [
        "AF_UNIX": UInt64(AF_UNIX), "AF_INET": UInt64(AF_INET), "AF_INET6": UInt64(AF_INET6),
    ]

    /// Threads and processes, but none in a namespace of its own. `clone3` hides its flags in memory, which a filter
    /// cannot read: who hears that it does not exist takes `clone`.
    private func namespaces() throws {
        try allow("clone", bits(0, Bits.namespaces))
        try refuse("clone3", ENOSYS)
    }

    /// Memory is never writable and executable at the same time, nor made executable later.
    private func executableMemory() throws {
        let both = Bits.write | Bits.execute
        for value in [0, Bits.write, Bits.execute] { try allow("mmap", bits(2, both, value)) }
        try allow("mprotect", bits(2, Bits.execute))
        try allow("pkey_mprotect", bits(2, Bits.execute))
        try allow("shmat", bits(2, Bits.attachExecutable))
    }

    /// No file becomes set-user-id or set-group-id.
    private func setIDFiles() throws {
        for (name, mode) in [
            ("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("fchmodat2", 2), ("mkdir", 1), ("mkdirat", 2),
            ("mknod", 1), ("mknodat", 2), ("creat", 1),
        ] as [(String, UInt32)] { try allow(name, bits(mode, Bits.setIDs)) }
        for (name, flags) in [("open", 1), ("openat", 2)] as [(String, UInt32)] {
            try allow(name, bits(flags, Bits.create | Bits.temporary))
            try allow(name, bits(flags + 1, Bits.setIDs))
        }
        try refuse("openat2", ENOSYS)
    }
}
