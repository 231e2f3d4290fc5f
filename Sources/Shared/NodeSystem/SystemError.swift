// The one error of this module: what was tried, what the kernel said, and what a person can do about it.
// It must never lose the errno it came from.

import CHost
import Glibc

/// A failed system call, in words that can be shown to a person.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of failure it is, for programs that decide by it.
    public enum Code: String, Sendable {
        /// A TCP or UDP port, or a socket path, belongs to another process.
        case addressInUse = "address_in_use"
        /// The address is not one of this machine's, or is not a numeric address at all.
        case addressInvalid = "address_invalid"
        /// A socket path does not fit into the kernel's 107 bytes.
        case pathTooLong = "path_too_long"
        /// The kernel refused: missing privilege or file mode.
        case notPermitted = "not_permitted"
        /// The file, process or user does not exist.
        case notFound = "not_found"
        /// What the parent or the kernel handed over does not have the expected form.
        case malformed
        /// A child could not be started; the message names the step.
        case spawnFailed = "spawn_failed"
        /// Anything else; the message names the call.
        case callFailed = "call_failed"
    }

    /// The kind of failure.
    public var code: Code
    /// What was tried and what happened, in one sentence.
    public var message: String
    /// The kernel's reason; 0 when the failure did not come from the kernel.
    public var errno: Int32
    /// What a person can do, when that is known.
    public var fix: String?

    /// An error from its parts.
    public init(_ code: Code, _ message: String, errno: Int32 = 0, fix: String? = nil) {
        self.code = code
        self.message = message
        self.errno = errno
        self.fix = fix
    }

    /// An error from a failed call, its code chosen by `errno`.
    public init(call: String, errno: Int32, fix: String? = nil) {
        let code: Code
        switch errno {
        case EADDRINUSE: code = .addressInUse
        case EADDRNOTAVAIL: code = .addressInvalid
        case EPERM, EACCES: code = .notPermitted
        case ENOENT, ESRCH: code = .notFound
        default: code = .callFailed
        }
        self.init(code, "\(call): \(SystemError.text(errno))", errno: errno, fix: fix)
    }

    /// `message`, and the fix when there is one.
    public var description: String { fix.map { "\(message). \($0)" } ?? message }

    /// "Address already in use (EADDRINUSE)".
    public static func text(_ errno: Int32) -> String {
        let name = String(cString: chost_errno_name(errno))
        let words = strerror(errno).map { String(cString: $0) } ?? "error"
        return name.isEmpty ? "\(words) (\(errno))" : "\(words) (\(name))"
    }
}

/// Runs a call that answers -1 and `errno`, again when a signal interrupted it.
@discardableResult
func attempt<Value: BinaryInteger>(_ call: @autoclosure () -> String, _ body: () -> Value) throws -> Value {
    while true {
        let value = body()
        if value != -1 { return value }
        let reason = errno
        if reason != EINTR { throw SystemError(call: call(), errno: reason) }
    }
}

/// Takes the answer of a shim function: a negative errno is a failure.
@discardableResult
func checked<Value: SignedInteger>(_ call: @autoclosure () -> String, _ value: Value) throws -> Value {
    if value < 0 { throw SystemError(call: call(), errno: Int32(-value)) }
    return value
}
