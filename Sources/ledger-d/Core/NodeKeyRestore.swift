// Another key in the place of the node's: staged beside it, taken over at the next start before anything is opened.
// It must never delete what it replaces, and a crash at any point must lead to the same end.

import DaemonKit
import Glibc
import NodeModel
import Nostr

extension NodeKeyFile {
    private var staged: String { path + ".next" }

    /// Writes `key` where the next start takes it over.
    func stage(_ key: SecretKey) throws {
        let fresh = staged + ".new"
        try write(key, to: fresh)
        guard rename(fresh, staged) == 0 else { throw failure("cannot be staged") }
        try syncDirectory()
    }

    /// Takes over a staged key, if there is one. The ledger and key that it replaces stay beside it.
    ///
    /// - Parameter ledger: the path of the ledger; it belongs to the old key.
    func adoptStaged(ledger: String) throws {
        guard access(staged, F_OK) == 0 else { return }
        let mark = ".replaced-\(Self.stamp())"
        // The old key goes first: until the new one is in place, a start finds the staged key again and goes on here.
        for file in [path, ledger + "-wal", ledger + "-shm", ledger] where access(file, F_OK) == 0 {
            guard rename(file, file + mark) == 0 else { throw failure("cannot be moved aside") }
        }
        try syncDirectory()
        guard rename(staged, path) == 0 else { throw failure("cannot be put in place") }
        try syncDirectory()
    }

    /// Seconds, so that a second restore finds another name.
    private static func stamp() -> String { "\(time(nil))" }
}
