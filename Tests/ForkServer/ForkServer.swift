// Makes one child after the other out of a process that has already started: thousands of kills do not pay for as many
// loaders and runtimes. Each child opens its files itself, with descriptors and locks of its own, and dies for itself.
// It must never have a second thread: a forked child has only the one that forked.

import Glibc

public enum ForkServer {
    /// Reads one child's arguments a line, parted by tabs, and says on descriptor 3 with which status it ended, after
    /// whatever it said itself. Ends when nobody asks any more.
    ///
    /// - Parameters:
    ///   - seconds: how long a child that nobody kills may take; the parent waits for it.
    ///   - warm: what all children would do first, done once; must leave no thread, and nothing open that a child uses.
    ///   - child: what a child does.
    public static func serve(
        seconds: UInt32, warm: () throws -> Void, child: @escaping @Sendable ([String]) async throws -> Void
    ) -> Never {
        do { try warm() } catch { exit(71) }
        guard let fork = address(of: "fork"), isAlone else { exit(72) }
        while let line = readLine() {
            let process = fork()
            if process == 0 { begin(line.split(separator: "\t").map(String.init), seconds, child) }
            var status: Int32 = 0
            guard process > 0, waitpid(process, &status, 0) == process else { exit(73) }
            say("ended \(status)")
        }
        exit(0)
    }

    /// One write, so that a line is heard whole or not at all.
    public static func say(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        if write(3, bytes, bytes.count) != bytes.count { exit(74) }
    }

    private static func begin(
        _ arguments: [String], _ seconds: UInt32, _ child: @escaping @Sendable ([String]) async throws -> Void
    ) -> Never {
        alarm(seconds)
        Task.detached {
            do { try await child(arguments) } catch { exit(70) }
            exit(0)
        }
        while true { pause() }
    }

    /// Swift has no word for it.
    private static func address(of name: String) -> (@convention(c) () -> pid_t)? {
        dlsym(nil, name).map { unsafeBitCast($0, to: (@convention(c) () -> pid_t).self) }
    }

    private static var isAlone: Bool {
        guard let folder = opendir("/proc/self/task") else { return false }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Itself, and what every folder has.
        return count == 3
    }
}
