// The folder that an engine shares with exec-d: where it makes its socket, and nothing else.
// It must never lie where another user can reach it, nor have a path that a socket's address cannot hold.

import Glibc
import Wire

/// Makes and removes engines' folders.
struct EngineFolder: Sendable {
    /// The longest path of a Unix socket on Linux, in bytes.
    static let longestSocketPath = 107

    /// Holds the folders of all engines; only exec-d's user can enter it.
    let parent: String
    /// Whether engines run as another user than exec-d.
    let foreignUser: Bool

    /// - Parameter runDirectory: exec-d's own directory below the node's run directory.
    init(runDirectory: String, foreignUser: Bool) {
        parent = runDirectory + "/e"
        self.foreignUser = foreignUser
    }

    func path(_ name: String) -> String { "\(parent)/\(name)" }
    func socket(_ name: String) -> String { "\(path(name))/\(ContainerTemplate.socketName)" }

    /// Why a folder of that name cannot hold a socket; nil when it can.
    func problem(_ name: String) -> WireError? {
        let length = socket(name).utf8.count
        guard length > Self.longestSocketPath else { return nil }
        return WireError(
            .configInvalid,
            "The engine's socket would have a path of \(length) bytes, and \(Self.longestSocketPath) is the limit: "
                + socket(name),
            fix: "Set node.run_dir to a shorter path.")
    }

    /// Makes an empty folder for a new engine.
    /// - Throws: `config_invalid` for a path that is too long, `disk_full`, `engine_unavailable`.
    func make(_ name: String) throws(WireError) {
        if let problem = problem(name) { throw problem }
        try directory(parent, mode: 0o700)
        remove(name)
        // Without capabilities exec-d cannot give a folder away. The parent keeps everybody else out.
        try directory(path(name), mode: foreignUser ? 0o777 : 0o700)
    }

    /// Removes a folder with what the engine left in it; one that is gone is no error.
    func remove(_ name: String) {
        for entry in SmallFile.list(path(name)) { unlink("\(path(name))/\(entry)") }
        rmdir(path(name))
    }

    /// Removes every folder: those of an earlier life of exec-d.
    func removeAll() {
        for name in SmallFile.list(parent) { remove(name) }
    }

    private func directory(_ path: String, mode: mode_t) throws(WireError) {
        // chmod as well: the process's umask, or an earlier life, may have left other bits.
        if (mkdir(path, mode) == 0 || errno == EEXIST) && chmod(path, mode) == 0 { return }
        let reason = String(cString: strerror(errno))
        throw WireError(
            errno == ENOSPC ? .diskFull : .engineUnavailable,
            "The engine's folder \(path) cannot be made: \(reason).",
            fix: errno == ENOSPC
                ? "Make room in the run directory." : "Let exec-d's user write to the run directory.")
    }
}
