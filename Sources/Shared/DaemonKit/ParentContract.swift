// What the parent hands to a daemon, read once at the very start: sockets, configuration, directories.
// It must never find out which parent it is: systemd and infernet-supervisor say the same things.

import Glibc
import NodeConfig
import NodeSystem
import Policy
import Wire

/// The parent's side of a daemon's world.
struct ParentContract: Sendable {
    /// Sockets by label, without the configuration's descriptor.
    var sockets: [String: [Int32]]
    /// Listening sockets from outside the house, by label.
    var outside: [String: [Int32]] { sockets.filter { OutsideSocket(rawValue: $0.key) != nil } }
    /// Connections that were kept over the restart, by the label of the socket they came in on.
    var kept: [String: [Int32]] {
        let pairs = OutsideSocket.allCases.compactMap { socket in
            sockets[ServiceTable.label(keptFrom: socket)].map { (socket.rawValue, $0) }
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }
    var notifier: ServiceNotifier?
    var stateDirectory: String
    var runtimeDirectory: String
    /// Where secrets lie that the parent unsealed for this daemon alone; nil when it has none.
    var credentialsDirectory: String?
    var configuration: [UInt8]
    /// Whether the parent leaves it to the daemon to close files that its row does not give.
    var confinesFiles: Bool

    /// Adopts everything. Call it before any thread starts: it changes the environment.
    static func adopt(role: Role) throws -> ParentContract {
        var sockets: [String: [Int32]]
        do { sockets = try ListenFDs.adopt() } catch {
            throw StartFailure(.config, "The parent's sockets cannot be adopted: \(error).")
        }
        let notifier = ServiceNotifier.fromEnvironment()
        guard let state = variable("STATE_DIRECTORY"), let runtime = variable("RUNTIME_DIRECTORY") else {
            throw StartFailure(
                .config, "\(role) was started by hand: STATE_DIRECTORY and RUNTIME_DIRECTORY are missing.",
                fix: "Start the node with infernet-supervisor, or the unit with systemctl.")
        }
        let configuration = try configuration(&sockets)
        // Behind the sandbox's wall there is no other place for temporary files, and SQLite makes some.
        setenv("TMPDIR", runtime, 1)
        return ParentContract(
            sockets: sockets, notifier: notifier, stateDirectory: state, runtimeDirectory: runtime,
            credentialsDirectory: variable("CREDENTIALS_DIRECTORY"), configuration: configuration,
            confinesFiles: variable(ServiceTable.confineFiles) != nil)
    }

    /// A descriptor by the name `config`, or standard input when that is a file, as systemd opens it.
    private static func configuration(_ sockets: inout [String: [Int32]]) throws -> [UInt8] {
        if let descriptor = sockets.removeValue(forKey: "config")?.first {
            defer { close(descriptor) }
            return try readAll(descriptor)
        }
        var info = stat()
        guard fstat(STDIN_FILENO, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            throw StartFailure(.config, "The parent passed no configuration.")
        }
        let all = try readAll(STDIN_FILENO)
        // Nothing shall find it open that has no business with it.
        let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
        if null >= 0 {
            dup2(null, STDIN_FILENO)
            close(null)
        }
        return all
    }

    private static func readAll(_ descriptor: Int32) throws -> [UInt8] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let n = pread(descriptor, &chunk, chunk.count, off_t(all.count))
            guard n >= 0 else {
                throw StartFailure(
                    .config, "The configuration cannot be read: \(String(cString: strerror(errno))).")
            }
            if n == 0 { return all }
            all.append(contentsOf: chunk[0..<n])
            guard all.count <= 1 << 20 else {
                throw StartFailure(.config, "The configuration is larger than 1 MiB.")
            }
        }
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
