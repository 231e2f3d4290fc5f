// The supervisor's own log lines, on the same way as everybody's. It must never write anywhere else itself.

import Logging
import Wire

/// Writes swift-log events into the node's log.
struct HubLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    /// nil where systemd keeps the log: then `echo` is the only way.
    let hub: LogHub?
    let clock: NodeClock
    /// Sees each line too; for a person who watches the start, and for systemd.
    let echo: (@Sendable ([UInt8]) -> Void)?

    init(
        level: Logger.Level, hub: LogHub?, clock: NodeClock, echo: (@Sendable ([UInt8]) -> Void)? = nil
    ) {
        logLevel = level
        self.hub = hub
        self.clock = clock
        self.echo = echo
    }

    func log(event: LogEvent) {
        var writer = JSONWriter()
        writer.literal("{\"ts\":")
        writer.string(Timestamp.text(clock.unixMilliseconds))
        writer.literal(",\"level\":")
        writer.string(event.level.rawValue)
        writer.literal(",\"daemon\":")
        writer.string(Role.supervisor.rawValue)
        writer.literal(",\"msg\":")
        writer.string(event.message.description)
        let reserved: Set<String> = ["ts", "level", "daemon", "msg"]
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) where !reserved.contains(key) {
            writer.literal(",")
            writer.string(key)
            writer.literal(":")
            writer.string("\(value)")
        }
        writer.literal("}")
        hub?.take(writer.bytes, from: .supervisor)
        echo?(writer.bytes)
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
}
