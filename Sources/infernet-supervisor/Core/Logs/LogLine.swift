// One line of the node's log: always one JSON object that says truly which daemon wrote it.
// It must never trust a daemon's word on who it is: a line in another's name is kept as a quotation.

import Wire

/// A line of `node.jsonl`.
struct LogLine: Sendable {
    /// What a filter looks at.
    struct Facts: Sendable, Equatable {
        var daemon: String?
        var job: String?
        /// `2026-01-01T00:00:00.000Z`: sorts as time does.
        var time: String?
    }

    /// The line as a JSON object: as it came when it is one in the daemon's own name, wrapped when it is not.
    static func normalised(_ raw: [UInt8], from daemon: Role, at now: Int64) -> [UInt8] {
        guard raw.first == 0x7B, raw.withUnsafeBytes(JSONScanner.isWhole) else {
            return wrapped(raw, daemon, now)
        }
        let facts = facts(raw)
        if facts.daemon == daemon.rawValue { return raw }
        if facts.daemon != nil { return wrapped(raw, daemon, now) }
        var writer = JSONWriter()
        writer.literal("{\"daemon\":")
        writer.string(daemon.rawValue)
        let rest = raw.dropFirst()
        if !rest.isEmpty, rest.first(where: { $0 != 0x20 }) != 0x7D { writer.literal(",") }
        writer.raw(rest)
        return writer.bytes
    }

    /// Any text as a line of the log.
    static func wrapped(_ raw: [UInt8], _ daemon: Role, _ now: Int64) -> [UInt8] {
        var writer = JSONWriter()
        writer.literal("{\"ts\":")
        writer.string(Timestamp.text(now))
        writer.literal(",\"level\":\"warning\",\"daemon\":")
        writer.string(daemon.rawValue)
        writer.literal(",\"msg\":")
        writer.string(String(decoding: raw, as: UTF8.self))
        writer.literal(",\"raw\":true}")
        return writer.bytes
    }

    /// The members that filters look at; what cannot be read is nil.
    static func facts(_ line: [UInt8]) -> Facts {
        var facts = Facts()
        line.withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            try? scanner.object { (scanner, key) throws(JSONFault) in
                let isText = try scanner.peek() == 0x22
                if isText, scanner.matches(key, "daemon") {
                    facts.daemon = try scanner.string()
                } else if isText, scanner.matches(key, "job") {
                    facts.job = try scanner.string()
                } else if isText, scanner.matches(key, "ts") {
                    facts.time = try scanner.string()
                } else {
                    _ = try scanner.skip()
                }
            }
        }
        return facts
    }

}

/// Which lines somebody wants to see.
struct LogFilter: Sendable {
    var daemon: Role?
    var job: String?
    /// Unix milliseconds.
    var since: Int64?

    func matches(_ line: [UInt8]) -> Bool {
        if daemon == nil, job == nil, since == nil { return true }
        let facts = LogLine.facts(line)
        if let daemon, facts.daemon != daemon.rawValue { return false }
        if let job, facts.job != job { return false }
        if let since, let time = facts.time, time < Timestamp.text(since) { return false }
        return true
    }
}

/// UTC times as the log writes them.
enum Timestamp {
    /// `2026-01-01T00:00:00.000Z` of Unix milliseconds.
    static func text(_ milliseconds: Int64) -> String {
        let (seconds, millis) = floored(milliseconds, 1000)
        let (days, second) = floored(seconds, 86_400)
        // Civil date from days since 1970-01-01, in eras of 400 years that begin on 1 March.
        let (era, day) = floored(days + 719_468, 146_097)
        let yearOfEra = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let date = "\(pad(year, 4))-\(pad(month, 2))-\(pad(dayOfYear - (153 * shifted + 2) / 5 + 1, 2))"
        let time = "\(pad(second / 3600, 2)):\(pad(second / 60 % 60, 2)):\(pad(second % 60, 2))"
        return "\(date)T\(time).\(pad(millis, 3))Z"
    }

    private static func floored(_ value: Int64, _ by: Int64) -> (Int64, Int64) {
        let rest = ((value % by) + by) % by
        return ((value - rest) / by, rest)
    }

    private static func pad(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
