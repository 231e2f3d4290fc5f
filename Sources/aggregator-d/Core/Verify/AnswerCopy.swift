// The text of an answer that will be checked, kept for that alone and in memory only.
// It must never be written down, nor grow beyond what is worth checking.

import Synchronization

/// A copy of an answer while it comes.
final class AnswerCopy: Sendable {
    /// The longest answer that is checked, in bytes.
    static let longest = 256 << 10

    private let kept = Mutex<String?>("")

    func add(_ text: String) {
        kept.withLock { kept in
            guard let known = kept else { return }
            kept = known.utf8.count + text.utf8.count <= Self.longest ? known + text : nil
        }
    }

    /// All of it; nil when it was too long.
    var text: String? { kept.withLock { $0 } }
}
