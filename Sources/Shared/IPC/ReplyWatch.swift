// Whether a caller looks for its reply before its loop sleeps: only where replies come at once. Pure.
// It must never cost more than a moment now and then where they do not.

import NIOCore

/// What one connection's replies have taught.
///
/// To sleep and be woken takes longer than most replies between daemons do. A call that is alone on its connection is looked for
/// without sleeping, for as long as that pays: after a reply that did not come in time so many calls are not looked for, and
/// twice as many after the next.
struct ReplyWatch: Hashable, Sendable {
    /// How long it is looked for.
    static let patience = TimeAmount.microseconds(60)
    /// How many calls are let be after the first miss, and after many.
    static let pauses = (first: 16, longest: 1_024)

    private var pause = 0
    private var left = 0

    /// A call leaves that is alone.
    /// - Returns: whether its reply is to be looked for.
    mutating func begins() -> Bool {
        guard left > 0 else { return true }
        left -= 1
        return false
    }

    /// A reply that was looked for came in time, or did not.
    mutating func ended(inTime: Bool) {
        pause = inTime ? 0 : min(max(Self.pauses.first, 2 * pause), Self.pauses.longest)
        left = pause
    }
}
