// Proves that a pipe that is left alone for a while loses nothing, and is heard before the news of its writer's end.
// It must never measure time but to see that something was late on purpose.

import Glibc
import Synchronization
import Testing

@testable import NodeSystem

struct PausedPipeTests {
    /// What came, read by read.
    private final class Reads: Sendable {
        private let list = Mutex<[String]>([])
        var all: [String] { list.withLock { $0 } }

        func take(_ descriptor: Int32) -> Bool {
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            let count = read(descriptor, &buffer, buffer.count)
            if count > 0 { list.withLock { $0.append(String(decoding: buffer[..<count], as: UTF8.self)) } }
            return count > 0
        }
    }

    private func untilTrue(_ condition: () -> Bool) async throws {
        for _ in 0..<2_000 where !condition() { try await Task.sleep(for: .milliseconds(5)) }
        #expect(condition())
    }

    @Test func whatComesDuringThePauseIsReadTogether() async throws {
        let thread = try SpawnThread()
        defer { thread.stop() }
        let (reading, writing) = try BytePipe.make()
        let reads = Reads()
        thread.watch(reading, pause: .milliseconds(400)) { reads.take(reading) }
        func say(_ text: String) { _ = write(writing, text, text.utf8.count) }
        say("a")
        try await untilTrue { reads.all == ["a"] }
        for text in ["b", "c", "d"] { say(text) }
        try await untilTrue { reads.all.joined() == "abcd" }
        #expect(reads.all == ["a", "bcd"])
        close(writing)
        try await Task.sleep(for: .milliseconds(900))
        close(reading)
    }

    @Test func anotherPipeIsHeardMeanwhile() async throws {
        let thread = try SpawnThread()
        defer { thread.stop() }
        let (slow, slowEnd) = try BytePipe.make()
        let (quick, quickEnd) = try BytePipe.make()
        let (late, now) = (Reads(), Reads())
        thread.watch(slow, pause: .seconds(600)) { late.take(slow) }
        thread.watch(quick) { now.take(quick) }
        _ = write(slowEnd, "a", 1)
        try await untilTrue { late.all == ["a"] }
        _ = write(slowEnd, "b", 1)
        for count in 1...3 {
            _ = write(quickEnd, "x", 1)
            try await untilTrue { now.all.count == count }
        }
        #expect(late.all == ["a"])
    }
}
