// Turns a request into the C shim's terms and starts the child. It must only be called on a thread that lives as long
// as its children may: the parent-death signal is tied to the thread (see SpawnThread).

import CHost
import Glibc

enum Spawner {
    /// A just started child; the caller owns the pidfd.
    struct Started {
        var pid: Int32
        var pidfd: Int32
    }

    static func start(_ request: SpawnRequest) throws -> Started {
        var pidfd: Int32 = -1
        var stage: Int32 = 0
        let pid = try withOptions(request) { options in chost_spawn(&options, &pidfd, &stage) }
        guard pid > 0 else { throw failure(request, stage: stage, errno: -pid) }
        return Started(pid: pid, pidfd: pidfd)
    }

    /// The request in the C shim's terms, valid until `body` returns.
    static func withOptions(
        _ request: SpawnRequest, _ body: (inout chost_spawn) -> Int32
    ) throws -> Int32 {
        let null = try attempt("cannot open /dev/null") { open("/dev/null", O_RDWR | O_CLOEXEC) }
        defer { close(null) }
        let arguments = CStrings([request.executable] + request.arguments)
        var variables = request.environment.map { "\($0.key)=\($0.value)" }.sorted()
        if !request.passed.isEmpty {
            variables.append("LISTEN_FDS=\(request.passed.count)")
            variables.append("LISTEN_FDNAMES=" + request.passed.map(\.label).joined(separator: ":"))
            variables.append("LISTEN_PID=0000000000")
        }
        let environment = CStrings(variables)
        let path = CStrings([request.executable] + (request.directory.map { [$0] } ?? []))
        let descriptors = request.passed.map(\.descriptor)
        let limits = request.limits.map(\.raw)

        var options = chost_spawn()
        options.path = UnsafePointer(path.pointers[0])
        options.directory = request.directory == nil ? nil : UnsafePointer(path.pointers[1])
        options.stdio = (
            request.standardInput ?? null, request.standardOutput ?? null, request.standardError ?? null
        )
        options.fd_count = Int32(descriptors.count)
        if !request.passed.isEmpty, let last = environment.pointers[variables.count - 1] {
            options.pid_slot = last + "LISTEN_PID=".utf8.count
        }
        options.limit_count = Int32(limits.count)
        options.file_mask = request.fileMask
        options.new_session = request.newSession ? 1 : 0
        options.drop_capabilities = request.dropsCapabilities ? 1 : 0
        options.parent_death_signal = request.parentDeathSignal
        options.no_new_privs = request.noNewPrivileges ? 1 : 0
        options.landlock_fd = request.landlockRuleset ?? -1
        options.seccomp_count = UInt16(clamping: request.seccompFilter?.count ?? 0)
        let groups = request.identity?.groups ?? []
        if let identity = request.identity {
            options.set_ids = 1
            options.uid = identity.uid
            options.gid = identity.gid
            options.group_count = Int32(groups.count)
        }
        return arguments.withPointer { argv in
            environment.withPointer { envp in
                descriptors.withUnsafeBufferPointer { fds in
                    limits.withUnsafeBufferPointer { limits in
                        groups.withUnsafeBufferPointer { groups in
                            (request.seccompFilter ?? []).withUnsafeBufferPointer { filter in
                                options.argv = argv
                                options.envp = envp
                                options.fds = fds.baseAddress
                                options.limits = limits.baseAddress
                                options.groups = groups.baseAddress
                                options.seccomp = request.seccompFilter == nil ? nil : filter.baseAddress
                                return body(&options)
                            }
                        }
                    }
                }
            }
        }
    }

    private static func failure(_ request: SpawnRequest, stage: Int32, errno: Int32) -> SystemError {
        let step: String
        switch UInt32(bitPattern: stage) {
        case CHOST_STAGE_CLONE.rawValue: step = "making the process"
        case CHOST_STAGE_SIGNALS.rawValue: step = "resetting signals"
        case CHOST_STAGE_DESCRIPTORS.rawValue: step = "placing descriptors"
        case CHOST_STAGE_SESSION.rawValue: step = "making a session"
        case CHOST_STAGE_LIMITS.rawValue: step = "setting resource limits"
        case CHOST_STAGE_DIRECTORY.rawValue: step = "entering \(request.directory ?? "its directory")"
        case CHOST_STAGE_CAPABILITIES.rawValue: step = "dropping capabilities"
        case CHOST_STAGE_GROUPS.rawValue: step = "setting supplementary groups"
        case CHOST_STAGE_GID.rawValue: step = "changing to group \(request.identity?.gid ?? 0)"
        case CHOST_STAGE_UID.rawValue: step = "changing to user \(request.identity?.uid ?? 0)"
        case CHOST_STAGE_PARENT_DEATH.rawValue: step = "tying it to its parent"
        case CHOST_STAGE_NO_NEW_PRIVS.rawValue: step = "giving up new privileges"
        case CHOST_STAGE_LANDLOCK.rawValue: step = "entering the Landlock sandbox"
        case CHOST_STAGE_SECCOMP.rawValue: step = "installing the seccomp filter"
        default: step = "executing it"
        }
        return SystemError(
            .spawnFailed, "cannot start \(request.executable): \(step): \(SystemError.text(errno))",
            errno: errno)
    }
}

/// A NULL-terminated array of C strings that lives as long as this object.
private final class CStrings {
    private(set) var pointers: [UnsafeMutablePointer<CChar>?]

    init(_ strings: [String]) { pointers = strings.map { strdup($0) } + [nil] }

    deinit { for pointer in pointers { free(pointer) } }

    func withPointer<Result>(
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> Result
    ) -> Result {
        pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}

extension SpawnRequest.Limit {
    var raw: chost_limit {
        switch self {
        case .openFiles(let value): return chost_limit(resource: Int32(RLIMIT_NOFILE.rawValue), value: value)
        case .coreBytes(let value): return chost_limit(resource: Int32(RLIMIT_CORE.rawValue), value: value)
        case .processes(let value): return chost_limit(resource: Int32(__RLIMIT_NPROC.rawValue), value: value)
        case .addressSpaceBytes(let value):
            return chost_limit(resource: Int32(RLIMIT_AS.rawValue), value: value)
        case .dataBytes(let value):
            return chost_limit(resource: Int32(RLIMIT_DATA.rawValue), value: value)
        case .lockedBytes(let value):
            return chost_limit(resource: Int32(__RLIMIT_MEMLOCK.rawValue), value: value)
        }
    }
}
