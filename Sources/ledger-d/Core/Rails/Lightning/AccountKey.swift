// The key of the account at a backend: a line in a file that only this daemon can read, or sealed by the parent.
// It must never be logged, nor read from a file that others can read too.

import Glibc

/// Where the key of the account lies. It is read for each request, so that a new one counts at once.
struct AccountKey: Sendable {
    /// Its name in the state directory.
    static let name = "lightning.key"
    /// Its name among the secrets that a parent unsealed.
    static let sealedName = "infernet-lightning.key"
    static let longest = 8_192

    let path: String
    /// Whether the parent unsealed it: then the parent answers for its owner and mode.
    let isSealed: Bool

    init(stateDirectory: String, credentialsDirectory: String?) {
        let sealed = credentialsDirectory.map { $0 + "/" + Self.sealedName }
        if let sealed, access(sealed, F_OK) == 0 {
            (path, isSealed) = (sealed, true)
        } else {
            (path, isSealed) = (stateDirectory + "/" + Self.name, false)
        }
    }

    /// The key.
    ///
    /// - Throws: `LightningTrouble.noKey`, saying what is wrong with the file and never what is in it.
    func read() throws(LightningTrouble) -> String {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .noKey("the account's key \(path) cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            throw .noKey("\(path) is no regular file")
        }
        guard isSealed || (info.st_uid == geteuid() && info.st_mode & 0o077 == 0) else {
            throw .noKey(
                "\(path) must belong to uid \(geteuid()), with mode 0600, so that nobody else reads it")
        }
        var buffer = [UInt8](repeating: 0, count: Self.longest + 1)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        guard count > 0, count <= Self.longest else {
            throw .noKey("\(path) is empty, or too long for a key")
        }
        var line = buffer[..<count]
        if line.last == 0x0A { line = line.dropLast() }
        guard !line.isEmpty, line.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .noKey("\(path) does not hold one line without spaces")
        }
        return String(decoding: line, as: UTF8.self)
    }
}
