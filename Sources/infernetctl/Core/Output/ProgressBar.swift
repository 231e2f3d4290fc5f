// A bar on stderr that is drawn over itself.
// It must never draw on anything but a terminal.

import Synchronization

/// Progress of something counted in bytes.
final class ProgressBar: Sendable {
    private let output: Output
    private let started = ContinuousClock.now
    private let drawn = Mutex(false)

    init(output: Output) { self.output = output }

    func show(_ done: Int64, of total: Int64) {
        drawn.withLock { $0 = true }
        let elapsed = Int64((ContinuousClock.now - started) / .milliseconds(1))
        output.rawError("\r\u{1B}[K" + Self.text(done, of: total, milliseconds: elapsed, width: output.width))
    }

    /// Wipes the bar away.
    func clear() {
        if drawn.withLock({ $0 }) { output.rawError("\r\u{1B}[K") }
    }

    /// The bar as text. Pure.
    static func text(_ done: Int64, of total: Int64, milliseconds: Int64, width: Int) -> String {
        let share = total > 0 ? min(1, max(0, Double(done) / Double(total))) : 0
        let rate = milliseconds > 0 ? "  \(Units.bytes(done * 1000 / milliseconds))/s" : ""
        let tail = " \(Int(share * 100))%  \(Units.bytes(done)) of \(Units.bytes(total))\(rate)"
        let room = max(8, min(40, width - tail.count - 3))
        let full = Int(share * Double(room))
        return "[" + String(repeating: "#", count: full) + String(repeating: "·", count: room - full) + "]"
            + tail
    }
}
