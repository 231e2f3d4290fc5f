// Where every line of the node meets: the file, the followers, and the last words of each daemon.
// It must never make a writer wait: what the disk does not take in time is counted and left out.

import Dispatch
import Glibc
import Synchronization
import Wire

/// The node's log.
final class LogHub: Sendable {
    /// Lines kept per daemon for the record of its death.
    static let lastWords = 20
    /// Bytes that may wait for the disk.
    static let mostPending = 4 << 20

    private struct State {
        var pending: [[UInt8]] = []
        var pendingBytes = 0
        var leftOut = 0
        var scheduled = false
        var last: [Role: [[UInt8]]] = [:]
        var followers: [Int: AsyncStream<[UInt8]>.Continuation] = [:]
        var nextFollower = 0
        var trouble: String?
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "infernet.log")
    private let file: Mutex<LogFile>
    private let clock: @Sendable () -> Int64

    /// A log in `folder`; `clock` gives Unix milliseconds.
    init(folder: String, limit: Int = 16 << 20, clock: @escaping @Sendable () -> Int64) {
        file = Mutex(LogFile(path: "\(folder)/node.jsonl", limit: limit))
        self.clock = clock
    }

    /// Why the log cannot be written, when that is so.
    var trouble: String? { state.withLock { $0.trouble } }

    /// Takes one raw line of a daemon.
    func take(_ raw: [UInt8], from daemon: Role) {
        add(LogLine.normalised(raw, from: daemon, at: clock()), from: daemon)
    }

    /// The last lines of a daemon, oldest first.
    func lastLines(of daemon: Role) -> [String] {
        state.withLock { ($0.last[daemon] ?? []).map { String(decoding: $0, as: UTF8.self) } }
    }

    /// Old lines, and a stream of those that come after them, none missed in between and none twice.
    func open(
        tail: Int, filter: LogFilter, follow: Bool
    ) async -> (history: [[UInt8]], live: AsyncStream<[UInt8]>?, follower: Int?) {
        // What was said before this question may still stand in a pipe.
        try? await Task.sleep(for: LogPipe.pause * 2)
        return await withCheckedContinuation { continuation in
            queue.async {
                self.write()
                let files = self.file.withLock { $0.snapshot() }
                let (live, follower) = follow ? self.follow() : (nil, nil)
                DispatchQueue.global().async {
                    let history = LogHistory.last(tail, matching: filter, in: files)
                    continuation.resume(returning: (history, live, follower))
                }
            }
        }
    }

    /// Ends a stream that `open` gave.
    func unfollow(_ follower: Int) {
        state.withLock { $0.followers.removeValue(forKey: follower) }?.finish()
    }

    /// Writes what is pending; at the end of the node.
    func flush() { queue.sync { write() } }

    private func follow() -> (AsyncStream<[UInt8]>, Int) {
        let (stream, continuation) = AsyncStream<[UInt8]>.makeStream(bufferingPolicy: .bufferingNewest(4096))
        let number = state.withLock { state in
            state.nextFollower += 1
            state.followers[state.nextFollower] = continuation
            return state.nextFollower
        }
        return (stream, number)
    }

    private func add(_ line: [UInt8], from daemon: Role) {
        let schedule = state.withLock { state in
            state.last[daemon, default: []].append(line)
            if state.last[daemon, default: []].count > Self.lastWords { state.last[daemon]?.removeFirst() }
            if state.pendingBytes + line.count > Self.mostPending {
                state.leftOut += 1
            } else {
                state.pending.append(line)
                state.pendingBytes += line.count
            }
            defer { state.scheduled = true }
            return !state.scheduled
        }
        if schedule { queue.async { self.write() } }
    }

    /// Runs on the queue: followers see a line when the file has it, so that `open` misses none.
    private func write() {
        let (lines, leftOut, followers) = state.withLock { state in
            defer {
                (state.pending, state.pendingBytes, state.leftOut, state.scheduled) = ([], 0, 0, false)
            }
            return (state.pending, state.leftOut, Array(state.followers.values))
        }
        guard !lines.isEmpty || leftOut > 0 else { return }
        var written = lines
        if leftOut > 0 {
            let note = "\(leftOut) log lines were left out: the disk was too slow for them"
            written.append(LogLine.wrapped(Array(note.utf8), .supervisor, clock()))
        }
        var trouble: String?
        do { try file.withLock { try $0.append(written) } } catch { trouble = "\(error)" }
        state.withLock { $0.trouble = trouble }
        for follower in followers { for line in written { follower.yield(line) } }
    }
}
