// The key that follows the node's: written beside it before the ledger names it, taken over at the next start.
// It must never be taken over unless the ledger names it, and the key that it follows must never be deleted.

import DaemonKit
import Glibc
import NodeModel
import Nostr

extension NodeKeyFile {
    private var successor: NodeKeyFile { NodeKeyFile(exactly: path + ".successor") }

    /// Writes `key` where the start after next finds it; durable when it returns.
    func prepareSuccessor(_ key: SecretKey) throws {
        let fresh = successor.path + ".new"
        try write(key, to: fresh)
        guard rename(fresh, successor.path) == 0 else {
            throw failure("cannot have a successor put beside it")
        }
        try syncDirectory()
    }

    /// Removes a successor that the ledger does not name: nobody has heard of it.
    func dropSuccessor() {
        unlink(successor.path)
    }

    /// Puts a waiting successor in the key's place, if it is the ledger's owner; else removes it.
    ///
    /// - Parameter owner: whose the ledger is now; nil when there is no ledger.
    func adoptSuccessor(owner: () throws -> PublicKey?) throws {
        guard access(successor.path, F_OK) == 0, let key = try successor.read() else { return }
        guard try owner() == key.publicKey else { return dropSuccessor() }
        // A crash between the two leaves the successor waiting, and the next start goes on here.
        if access(path, F_OK) == 0 {
            guard rename(path, path + ".replaced-\(time(nil))") == 0 else {
                throw failure("cannot be moved aside")
            }
            try syncDirectory()
        }
        guard rename(successor.path, path) == 0 else { throw failure("cannot be put in place") }
        try syncDirectory()
    }
}
