// Proves that a heap is given back once after each burst of work, and never in the middle of one.

import Testing

@testable import DaemonKit

@Suite struct HeapCareTests {
    @Test func onceAfterEachBurst() {
        var care = HeapCare()
        // A start of 300 ms, and rest.
        #expect([300_000, 300_500, 301_000, 305_000].map { care.look($0) } == [false, true, false, false])
        // Work, and rest again.
        #expect(
            [900_000, 1_400_000, 1_401_000, 1_402_000].map { care.look($0) } == [false, false, true, false])
    }

    @Test func littleWorkLeavesLittle() {
        var care = HeapCare()
        #expect([50_000, 51_000, 52_000].map { care.look($0) } == [false, false, false])
        // It adds up: 10 ms in every interval.
        let looks = (1...20).map { care.look(52_000 + $0 * 10_000) }
        #expect(looks.filter { $0 }.count == 2)
    }

    @Test func whoIsBusyIsLeftAlone() {
        var care = HeapCare()
        #expect((1...100).allSatisfy { !care.look($0 * 1_000_000) })
    }
}
