// Proves that replies which come at once are always looked for, and that others cost a look now and then at most.

import Interfaces
import TestKit
import Testing
import Wire

@testable import IPC

@Suite struct ReplyWatchTests {
    /// Of so many calls, the ones that are looked for, when none of their replies comes in time.
    private static func looks(_ watch: inout ReplyWatch, calls: Int) -> [Int] {
        (0..<calls).filter { _ in
            guard watch.begins() else { return false }
            watch.ended(inTime: false)
            return true
        }
    }

    private static func looks(_ watch: inout ReplyWatch, inTime: Bool) -> Bool {
        let looks = watch.begins()
        if looks { watch.ended(inTime: inTime) }
        return looks
    }

    /// One late reply that was looked for is enough. Not each is: a loop that has something else to do does not look, and on a busy
    /// machine a reply can be there before the look.
    @Test func aConnectionLearnsThatItsRepliesAreLate() async throws {
        let directory = try TemporaryDirectory()
        let server = try await LoopbackServer(
            .exec, runDirectory: directory.path, callers: [.ctl],
            routes: { router in
                router.on(ControlInterface.Ping.self) { request, _ in
                    try await Task.sleep(for: .milliseconds(5))
                    return .init(payload: request.payload)
                }
            })
        let link = server.link(as: .ctl)
        var isLookedFor = true
        for _ in 0..<100 where isLookedFor {
            _ = try await link.call(ControlInterface.Ping(payload: "x"))
            var watch = try #require(try await link.learned())
            isLookedFor = watch.begins()
        }
        #expect(!isLookedFor)
        await server.close()
    }

    @Test func whatComesAtOnceIsAlwaysLookedFor() {
        var watch = ReplyWatch()
        let all = (0..<100).allSatisfy { _ in Self.looks(&watch, inTime: true) }
        #expect(all)
    }

    @Test func whatDoesNotIsLookedForLessAndLess() {
        var watch = ReplyWatch()
        let first = Self.looks(&watch, calls: 1_000)
        #expect(first == [0, 17, 50, 115, 244, 501])
        // From 1,024 on it stays as it is: what became fast is found again.
        let then = Self.looks(&watch, calls: 10_000)
        #expect(then.count == 10)
    }

    @Test func oneThatComesInTimeMakesGoodForAll() {
        var watch = ReplyWatch()
        _ = Self.looks(&watch, calls: 1_000)
        while !Self.looks(&watch, inTime: true) {}
        let (next, after) = (Self.looks(&watch, inTime: false), Self.looks(&watch, calls: 17))
        #expect(next && after == [16])
    }
}
