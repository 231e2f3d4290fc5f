// Which system calls a process may make, in systemd's words; the spawned mode uses the same words written out.
// It must never allow a call by a wildcard that this file does not name.

/// A set of system calls.
public enum SystemCallProfile: String, Sendable, CaseIterable {
    /// Services: files, sockets, threads, timers.
    case service

    /// What systemd allows, in its order. systemd 252 does not count the calls by which a process gives up rights of its
    /// own among a service's.
    public var allowed: [String] {
        ["@system-service", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self"]
    }

    /// What is taken away again, in systemd's order. `@system-service` holds ways around the other walls:
    /// `memfd_create` makes executable memory where W^X forbids it, `io_uring` makes calls that no filter sees, keyrings
    /// outlive a process, `process_vm_*` and `kcmp` look into others, `userfaultfd` holds the kernel at a page.
    public var denied: [String] {
        [
            "@privileged", "@resources", "@keyring", "@aio", "@setuid", "kcmp", "memfd_create",
            "memfd_secret", "name_to_handle_at", "personality", "pidfd_getfd", "process_vm_readv",
            "process_vm_writev", "ptrace", "userfaultfd",
        ]
    }

    /// The calls one by one, for who has no systemd to ask; a test holds them against systemd's own expansion.
    public var names: [String] {
        switch self {
        case .service: SystemCallNames.service.split { $0 == " " || $0 == "\n" }.map(String.init)
        }
    }
}
