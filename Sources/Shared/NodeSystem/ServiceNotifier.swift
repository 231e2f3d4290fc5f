// Tells the parent how this service is (the sd_notify protocol, spoken without libsystemd).
// It must never block or fail the service: a parent that does not listen changes nothing.

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
}
