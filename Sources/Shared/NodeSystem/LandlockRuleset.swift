// A Landlock ruleset: files, TCP and signals that a child will not get at, whatever its user may do. Made once, used for
// every start of the child. It must never be counted on to keep a process from connecting to a Unix socket by its path:
// Landlock does not look at that.

import CHost
import Glibc

/// What a sandboxed child may open; everything else is refused with EACCES.
public final class LandlockRuleset: Sendable {
    /// The kernel's version, from 1; nil when it has no Landlock or has it switched off.
    public static var kernelVersion: Int? {
        let version = chost_landlock_version()
        return version > 0 ? Int(version) : nil
    }

    /// What may be done with a path and everything below it.
    public enum Right: Sendable {
        /// Read files and list folders.
        case read
        /// Read and execute files.
        case execute
        /// Read, write, make and remove files, folders, sockets, pipes and links; never execute.
        case own
        /// Open a device, and speak with its driver.
        case device
    }

    private enum Bit {
        static let execute: UInt64 = 1, writeFile: UInt64 = 1 << 1, readFile: UInt64 = 1 << 2
        static let readDirectory: UInt64 = 1 << 3, removeDirectory: UInt64 = 1 << 4
        static let removeFile: UInt64 = 1 << 5, makeDirectory: UInt64 = 1 << 7, makeFile: UInt64 = 1 << 8
        static let makeSocket: UInt64 = 1 << 9, makePipe: UInt64 = 1 << 10, makeLink: UInt64 = 1 << 12
        static let refer: UInt64 = 1 << 13, truncate: UInt64 = 1 << 14, ioctl: UInt64 = 1 << 15
    }

    /// To be handed to `SpawnRequest.landlockRuleset`; this object's.
    public let descriptor: Int32
    /// The kernel's version that it was made for.
    public let version: Int
    private let handled: UInt64

    /// An empty ruleset: nothing may be opened.
    ///
    /// - Parameter forbidsTCP: also refuses to bind and connect TCP sockets (version 4).
    /// - Throws: `SystemError` when the kernel has no Landlock.
    public init(forbidsTCP: Bool) throws {
        version = Int(try checked("this kernel has no Landlock", chost_landlock_version()))
        // Each version knows the rights of all before it.
        let files: [Int: UInt64] = [1: 13, 2: 14, 3: 15, 4: 15]
        handled = (1 << (files[version] ?? 16)) - 1
        descriptor = try checked(
            "cannot make a Landlock ruleset",
            chost_landlock_create(handled, version >= 4 && forbidsTCP ? 3 : 0, version >= 6 ? 3 : 0))
    }

    deinit { close(descriptor) }

    /// Allows something at a path and below it. A symbolic link counts as what it points to.
    ///
    /// - Returns: false when nothing is at that path.
    /// - Throws: `SystemError` when the kernel refuses.
    @discardableResult
    public func allow(_ right: Right, at path: String) throws -> Bool {
        let file: UInt64
        var folder: UInt64 = Bit.readDirectory
        switch right {
        case .read: file = Bit.readFile
        case .execute: file = Bit.readFile | Bit.execute
        case .device: file = Bit.readFile | Bit.writeFile | Bit.ioctl
        case .own:
            file = Bit.readFile | Bit.writeFile | Bit.truncate
            folder |=
                Bit.removeDirectory | Bit.removeFile | Bit.makeDirectory | Bit.makeFile | Bit.makeSocket
                | Bit.makePipe | Bit.makeLink | Bit.refer
        }
        let code = chost_landlock_allow(descriptor, path, (folder | file) & handled, file & handled)
        if code == -ENOENT || code == -ENOTDIR { return false }
        try checked("cannot allow \(path) in a Landlock ruleset", code)
        return true
    }

    /// Puts the calling thread, and all that it starts from now on, behind this ruleset for good, and
    /// gives up new privileges.
    ///
    /// - Throws: `SystemError` when the kernel refuses.
    public func confineSelf() throws {
        try checked("cannot confine this process with Landlock", chost_landlock_restrict(descriptor))
    }

    /// What this kernel's version cannot do of it, in words; nil when it can do all.
    public var gap: String? {
        switch version {
        case ..<3: "Landlock \(version) does not see that files are truncated, TCP, or signals"
        case 3: "Landlock 3 does not see TCP or signals"
        case 4, 5: "Landlock \(version) does not see signals"
        default: nil
        }
    }
}
