// A process that was executed ahead of need: loaded and linked, it waits to become whichever child is needed next, so
// that a daemon that dies is back before a program could even be loaded. It must never be part of the node until then:
// nobody has to know it, and without it children start as ever.

import CHost
import Glibc

/// Programs that wait.
public enum Standby {
    /// The name under which a program waits instead of doing its work.
    public static let program = "infernet-standby"

    /// Waits to be needed. Only for a process started under that name, before it has a second thread.
    ///
    /// - Returns: the path of the program that this process is from here on, confined as that one is. When the parent
    ///   ends or needs it no more, it never returns.
    public static func becomeNeeded() -> String { String(cString: chost_await(3)) }
}

/// The one standby of a parent. Only for the thread that spawns.
struct StandbyKeeper {
    private struct Waiting {
        let started: Spawner.Started
        let socket: Int32
        let file: FileIdentity
    }

    /// Long enough for what was just started to have the processor to itself.
    private static let pause = Duration.seconds(1)
    /// After one that ended by itself.
    private static let longPause = Duration.seconds(30)
    private static let patienceMs: Int32 = 500

    private let executable: String?
    private var waiting: Waiting?
    private var due: ContinuousClock.Instant?

    /// - Parameter executable: the program under the standby's name; nil keeps none.
    init(executable: String?) {
        self.executable = executable
        due = executable == nil ? nil : .now
    }

    /// What to poll for its end.
    var watched: Int32 { waiting?.started.pidfd ?? -1 }

    /// How long until `renew` has something to do, in milliseconds; -1 for never.
    var timeout: Int32 {
        guard let due else { return -1 }
        let (seconds, attoseconds) = (due - .now).components
        return Int32(clamping: max(0, seconds * 1_000 + attoseconds / 1_000_000_000_000_000 + 1))
    }

    /// Starts one when it is time.
    mutating func renew() {
        guard let executable, let due, due <= .now else { return }
        self.due = nil
        guard let file = FileIdentity(path: executable), let new = try? Self.start(executable) else {
            self.due = .now + Self.longPause
            return
        }
        waiting = Waiting(started: new.started, socket: new.socket, file: file)
    }

    /// Makes the waiting process the requested child.
    /// - Returns: nil when it has to be started the usual way.
    mutating func take(for request: SpawnRequest) -> Spawner.Started? {
        guard let one = waiting, request.arguments.isEmpty, request.newSession, request.directory != nil,
            FileIdentity(path: request.executable) == one.file
        else { return nil }
        waiting = nil
        due = .now + Self.pause
        defer { close(one.socket) }
        let result = try? Spawner.withOptions(request) { options in
            var stage: Int32 = 0
            return chost_hand_over(one.socket, &options, Self.patienceMs, &stage)
        }
        // What hinders it would hinder a new process too, whose start tells the reason.
        guard result == 0 else {
            Self.end(one.started)
            return nil
        }
        return one.started
    }

    /// It ended although nobody needed it.
    mutating func lost() {
        guard let one = waiting else { return }
        waiting = nil
        close(one.socket)
        Self.end(one.started)
        due = .now + Self.longPause
    }

    private static func start(_ executable: String) throws -> (started: Spawner.Started, socket: Int32) {
        let (mine, its) = try UnixSocket.pair(.seqpacket)
        defer { close(its) }
        var request = SpawnRequest(executable: executable, environment: ["SWIFT_BACKTRACE": "enable=no"])
        request.passed = [.init("standby", its)]
        // It cannot be taken back; whoever it becomes decides.
        request.noNewPrivileges = false
        do { return (try Spawner.start(request), mine) } catch {
            close(mine)
            throw error
        }
    }

    private static func end(_ started: Spawner.Started) {
        _ = chost_pidfd_signal(started.pidfd, SIGKILL)
        var code: Int32 = 0
        var status: Int32 = 0
        // Killed, so this is short; a zombie would keep the pid.
        var ready = pollfd(fd: started.pidfd, events: Int16(POLLIN), revents: 0)
        _ = poll(&ready, 1, 1_000)
        _ = chost_pidfd_reap(started.pidfd, &code, &status)
        close(started.pidfd)
    }
}

/// Which file a path leads to.
private struct FileIdentity: Equatable {
    let device: UInt64
    let inode: UInt64

    init?(path: String) {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        device = UInt64(info.st_dev)
        inode = UInt64(info.st_ino)
    }
}
