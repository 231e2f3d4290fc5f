// Anonymous read-only files: how a parent hands a child bytes that nobody can change and that no disk sees.
// It must never be given a secret that outlives the child that reads it.

import CHost

/// A file without a name.
public enum SealedFile {
    /// Makes one holding exactly `bytes`, at offset 0. The descriptor is close-on-exec and the caller's. `name` only
    /// shows in /proc.
    ///
    /// - Throws: `SystemError` when the kernel has no memory or no descriptors left.
    public static func make(name: String, bytes: [UInt8]) throws -> Int32 {
        try bytes.withUnsafeBytes {
            try checked(
                "cannot make the sealed file \(name)", chost_sealed_file(name, $0.baseAddress, $0.count))
        }
    }
}
