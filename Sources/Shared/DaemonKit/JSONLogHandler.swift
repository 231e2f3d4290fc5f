// Writes each log event as one JSON line on stderr, in one write.
// It must never write a prompt, an answer or a key: callers pass static messages and named values.

import Glibc
import Logging
import NIOConcurrencyHelpers
import Wire

/// swift-log's backend of every daemon.
struct JSONLogHandler: LogHandler {
    /// The least severe level that is written, for all loggers of the process.
    static let threshold = NIOLockedValueBox(Logger.Level.info)
    /// The longest value of one field, in bytes.
    static let maximumValue = 2000

    let daemon: Role
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel: Logger.Level {
        get { Self.threshold.withLockedValue { $0 } }
        set { Self.threshold.withLockedValue { $0 = newValue } }
    }

    init(daemon: Role) { self.daemon = daemon }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = JSONWriter(capacity: 256)
        line.literal("{\"ts\":\"")
        line.raw(Timestamp.now().utf8)
        line.literal("\",\"level\":")
        line.string(event.level.rawValue)
        line.literal(",\"daemon\":")
        line.string(daemon.rawValue)
        line.literal(",\"msg\":")
        line.string(event.message.description)
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            line.literal(",")
            line.string(key)
            line.literal(":")
            line.string(String(value.description.prefix(Self.maximumValue)))
        }
        line.literal("}\n")
        line.bytes.withUnsafeBytes { bytes in
            // A parent that does not read gets nothing; a log line is never worth a hang.
            _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        }
    }
}

/// Time as RFC 3339 in UTC, with milliseconds.
public enum Timestamp {
    /// Unix milliseconds.
    public static func milliseconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

    static func now() -> String { text(milliseconds()) }

    /// `2026-01-31T23:59:59.000Z` for Unix milliseconds.
    public static func text(_ milliseconds: Int64) -> String {
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ n: Int32) -> String { n < 10 ? "0\(n)" : "\(n)" }
        let fraction = String(1000 + milliseconds % 1000).dropFirst()
        let date = "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        return "\(date)T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(fraction)Z"
    }
}
