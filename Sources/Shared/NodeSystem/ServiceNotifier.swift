// Tells the parent how this service is (the sd_notify protocol, spoken without libsystemd).
// It must never block or fail the service: a parent that does not listen changes nothing.

import CHost
import Glibc

/// A datagram socket to whoever started this service.
public final class ServiceNotifier: Sendable {
    /// One fact told to the parent.
    public enum Message: Sendable, Equatable {
        /// The service serves. Sent once per start.
        case ready
        /// One line for people: what it is doing or why it is not well.
        case status(String)
        /// It is alive and its self-checks ran.
        case watchdog
        /// It is going down on purpose.
        case stopping

        var line: String {
            switch self {
            case .ready: return "READY=1"
            case .watchdog: return "WATCHDOG=1"
            case .stopping: return "STOPPING=1"
            case .status(let text):
                return "STATUS=" + String(text.map { $0.isNewline ? " " : $0 }.prefix(1000))
            }
        }
    }

    /// How often the parent wants `.watchdog` at the latest (send at half of it); nil: not at all.
    public let watchdogInterval: Duration?
    private let descriptor: Int32

    /// A notifier to a socket path; a leading "@" means the abstract namespace.
    ///
    /// - Throws: `SystemError` when the path is too long or nobody listens there.
    public init(path: String, watchdogInterval: Duration? = nil) throws {
        descriptor = try UnixSocket.connect(to: path, kind: .datagram)
        self.watchdogInterval = watchdogInterval
    }

    deinit { close(descriptor) }

    /// The notifier that NOTIFY_SOCKET and WATCHDOG_USEC ask for; nil when the parent asked for none or does not
    /// listen. Both variables are removed, so call it before any thread starts.
    public static func fromEnvironment() -> ServiceNotifier? {
        defer { for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { unsetenv(name) } }
        guard let path = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }), !path.isEmpty else {
            return nil
        }
        var interval: Duration?
        let meant = getenv("WATCHDOG_PID").map { String(cString: $0) == String(getpid()) } ?? true
        if meant, let text = getenv("WATCHDOG_USEC"), let micros = Int64(String(cString: text)), micros > 0 {
            interval = .microseconds(micros)
        }
        return try? ServiceNotifier(path: path, watchdogInterval: interval)
    }

    /// Sends the messages as one datagram.
    ///
    /// - Returns: false when the parent's queue is full or it is gone; the caller need not care.
    @discardableResult
    public func send(_ messages: Message...) -> Bool {
        var text = messages.map(\.line).joined(separator: "\n")
        return text.withUTF8 { bytes in
            let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
            return Glibc.send(descriptor, bytes.baseAddress, bytes.count, flags) == bytes.count
        }
    }

    /// Most descriptors that go with one `keep`.
    public static let mostKept = Int(CHOST_MAX_HANDED)

    /// Asks the parent to keep these sockets and to pass them to the next process of this service under a label
    /// (`FDSTORE=1`, sd_pid_notify_with_fds(3)). The caller's own stay open and the caller's.
    ///
    /// - Returns: false when they did not reach the parent: it is gone, its queue was full for a second, or they are
    ///   more than `mostKept`. Whether it has room for them it does not say.
    public func keep(_ descriptors: [Int32], label: String) -> Bool {
        let text = Array("FDSTORE=1\nFDNAME=\(label)".utf8)
        for _ in 0..<2 {
            let sent = chost_send_fds(descriptor, text, text.count, descriptors, Int32(descriptors.count))
            if sent == text.count { return true }
            guard sent == -Int(EAGAIN) else { return false }
            var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&wait, 1, 1_000) == 1 else { return false }
        }
        return false
    }

    /// Tells the parent that what it kept under a label was adopted, or is not wanted any more (`FDSTOREREMOVE=1`).
    @discardableResult
    public func forgetKept(label: String) -> Bool {
        let text = Array("FDSTOREREMOVE=1\nFDNAME=\(label)".utf8)
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        return Glibc.send(descriptor, text, text.count, flags) == text.count
    }
}
