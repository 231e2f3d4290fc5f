// Renames a damaged journal with its side files, so that a new one can begin and the old one can be looked at.
// It must never delete anything.

import FoundationEssentials

enum JournalFile {
    /// Renames `path`, `path-wal` and `path-shm`, those that exist.
    static func setAside(_ path: String, as aside: String) throws {
        for suffix in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: path + suffix) {
            try FileManager.default.moveItem(atPath: path + suffix, toPath: aside + suffix)
        }
    }
}
