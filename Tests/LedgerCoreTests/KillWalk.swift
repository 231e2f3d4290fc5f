// The walk of a kill matrix of LedgerCrashChild: a script is killed at each of its boundaries, begins again, and is looked at.
// It must never leave a boundary out, nor look at what was killed and not begun again.

import Glibc
import Testing

@testable import LedgerCrashChild

struct KillWalk: Sendable {
    /// The script, by the child's word for it.
    let script: String
    /// When it begins, in Unix milliseconds.
    let start: Int64
    /// What each run begins with.
    let place: @Sendable () async throws -> DeedFixture
    /// What must hold in the end; gives how often something was sent again.
    let check: @Sendable (DeedFixture, Comment) async throws -> Int

    /// - Returns: how many boundaries there are, and how often something was sent again.
    func run() async throws -> (kills: Int, again: Int) {
        // Two strands, of odd and of even boundaries: each waits for its children most of the time.
        async let odd = strand(from: 1)
        async let even = strand(from: 2)
        return (try await min(odd.kills, even.kills), try await odd.again + even.again)
    }

    /// Every other boundary, until a child passes its last one.
    private func strand(from first: Int) async throws -> (kills: Int, again: Int) {
        let children = try ForkedChildren("LedgerCrashChild")
        var (boundary, again, wasWhole) = (first - 2, 0, false)
        while !wasWhole {
            boundary += 2
            let place = try await place()
            let killed = try await children.run(words(place, at: start, boundary))
            wasWhole = killed.signal == 0
            if !wasWhole {
                try #require(killed.signal == SIGKILL && killed.lines == ["at \(boundary)"])
                // As long after as what had left could have been on its way.
                let later = try await children.run(words(place, at: start + 31_000, 0))
                try #require(later.signal == 0, "boundary \(boundary)")
            }
            again += try await check(place, "boundary \(boundary)")
        }
        return (boundary - 1, again)
    }

    private func words(_ place: DeedFixture, at: Int64, _ boundary: Int) -> [String] {
        [place.directory, script, "\(at)", "\(boundary)"]
    }
}
