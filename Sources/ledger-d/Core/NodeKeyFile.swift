// The node's key on disk: made once, kept in one file that only this daemon's user can read; or sealed by the parent.
// It must never be overwritten, read with a wrong mode, or replaced silently when a ledger misses it.
//
// Security: the file holds the secret in hexadecimal. It is created 0600, written whole, flushed, and then
// linked into place: no crash leaves half a key, no race replaces one. What is wrong with it is said, not
// repaired: a new key would be a new identity.

import DaemonKit
import Glibc
import NodeModel
import Nostr

/// Reads the node's key, or makes it.
struct NodeKeyFile {
    /// Its name in the state directory.
    static let name = "node.key"
    /// Its name among the secrets that a parent unsealed.
    static let sealedName = "infernet-node.key"

    let path: String
    /// Whether the parent unsealed it for this process: then the parent answers for its owner and mode, and the
    /// file is neither made nor mended here.
    let isSealed: Bool

    /// The key that the parent unsealed, when it did; else the file in the state directory.
    init(stateDirectory: String, credentialsDirectory: String? = nil) {
        let sealed = credentialsDirectory.map { $0 + "/" + Self.sealedName }
        if let sealed, access(sealed, F_OK) == 0 {
            (path, isSealed) = (sealed, true)
        } else {
            (path, isSealed) = (stateDirectory + "/" + Self.name, false)
        }
    }

    /// A file of this daemon's own at another place.
    init(exactly path: String) { (self.path, isSealed) = (path, false) }

    /// The key of the file.
    ///
    /// - Parameter mayCreate: false when a ledger is there already: its key cannot be a new one.
    /// - Throws: `StartFailure` with a permanent code and a fix.
    func load(mayCreate: Bool) throws -> (key: SecretKey, created: Bool) {
        if let key = try read() {
            if isSealed { return (key, false) }
            // What a crash between link and unlink left behind: the same key, nothing of value.
            unlink(path + ".new")
            return (key, false)
        }
        guard mayCreate else {
            throw StartFailure(
                .config, "The ledger is there, but its key \(path) is missing.",
                fix:
                    "Restore \(path) from your backup (mode 0600), or move ledger.db* away to start anew."
            )
        }
        try create(SecretKey.generate())
        guard let key = try read() else {
            throw StartFailure(
                .config, "\(path) vanished while it was being made.", fix: "See who else writes there.")
        }
        return (key, true)
    }

    /// Whether the file is there with the right mode and owner, without reading the secret.
    func check() throws {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot be opened") }
        defer { close(descriptor) }
        try checkOwner(descriptor)
    }

    func read() throws -> SecretKey? {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("cannot be opened")
        }
        defer { close(descriptor) }
        try checkOwner(descriptor)
        var buffer = [UInt8](repeating: 0, count: 80)
        defer { Self.wipe(&buffer) }
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        guard count >= 0 else { throw failure("cannot be read") }
        guard count == 65, buffer[64] == 0x0A,
            var secret = Hex.decode(String(decoding: buffer[..<64], as: UTF8.self), count: 32)
        else { throw corrupt() }
        defer { Self.wipe(&secret) }
        guard let key = SecretKey(bytes: secret) else { throw corrupt() }
        return key
    }

    private func checkOwner(_ descriptor: Int32) throws {
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw failure("cannot be looked at") }
        guard info.st_mode & S_IFMT == S_IFREG else {
            throw StartFailure(
                .config, "\(path) is not a regular file.", fix: "Restore the key file from your backup.")
        }
        if isSealed { return }
        guard info.st_uid == geteuid() else {
            throw StartFailure(
                .config, "\(path) belongs to uid \(info.st_uid), but ledger-d runs as uid \(geteuid()).",
                fix: "chown \(geteuid()) \(path)")
        }
        guard info.st_mode & 0o077 == 0 else {
            throw StartFailure(
                .config,
                "\(path) has mode \(String(info.st_mode & 0o777, radix: 8)): others could read the key.",
                fix:
                    "chmod 600 \(path); if others may have read it, move it and ledger.db* away."
            )
        }
    }

    /// Writes a key whole and flushed; the file must not be under its final name yet.
    func write(_ key: SecretKey, to fresh: String) throws {
        unlink(fresh)
        let descriptor = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("cannot be made") }
        defer { close(descriptor) }
        var text = key.withBytes { Array(Hex.encode($0).utf8) } + [0x0A]
        defer { Self.wipe(&text) }
        guard Glibc.write(descriptor, text, text.count) == text.count, fsync(descriptor) == 0 else {
            throw failure("cannot be written")
        }
    }

    private func create(_ key: SecretKey) throws {
        let fresh = path + ".new"
        try write(key, to: fresh)
        // link, unlike rename, refuses to replace a key that came into being meanwhile.
        guard link(fresh, path) == 0 else { throw failure("cannot be put in place") }
        unlink(fresh)
        try syncDirectory()
    }

    func syncDirectory() throws {
        let directory = String(path.dropLast(Self.name.count + 1))
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot be made lasting") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("cannot be made lasting") }
    }

    /// Overwrites a copy of the secret in a way that the compiler may not leave out.
    private static func wipe(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { buffer in
            if let start = buffer.baseAddress { explicit_bzero(start, buffer.count) }
        }
    }

    func failure(_ what: String) -> StartFailure {
        let reason = String(cString: strerror(errno))
        return StartFailure(
            errno == ENOSPC ? .failed : .config, "\(path) \(what): \(reason).",
            fix: errno == ENOSPC
                ? "Free some disk space." : "See that ledger-d's user owns its state directory.")
    }

    private func corrupt() -> StartFailure {
        StartFailure(
            .config, "\(path) does not hold a key: 64 lower-case hexadecimal characters and a newline.",
            fix: "Restore \(path) from your backup, or move it and ledger.db* away to start as a new node.")
    }
}
