// A directory for one test, gone when the test is.
// It must never be long: sockets lie in it, and their paths have at most 107 bytes.

import Foundation
public import Glibc

/// A fresh directory, under /tmp unless told otherwise.
public final class TemporaryDirectory: Sendable {
    public let path: String

    public init(in parent: String = "/tmp") throws {
        var template = Array("\(parent)/inft-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TemporaryDirectoryError(errno: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// A path in it.
    public func appending(_ name: String) -> String { path + "/" + name }

    /// Makes a directory in it.
    public func directory(_ name: String, mode: mode_t = 0o700) throws -> String {
        let path = appending(name)
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw TemporaryDirectoryError(errno: errno) }
        return path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Why no directory could be made.
public struct TemporaryDirectoryError: Error {
    public let errno: Int32
}
