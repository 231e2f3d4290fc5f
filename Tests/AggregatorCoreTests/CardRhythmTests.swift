// Proves that a card which could not be announced at a start is tried again soon, and that nobody is asked often for long.

import Testing

@testable import AggregatorCore

@Suite struct CardRhythmTests {
    @Test func whatFailsAtFirstIsTriedAgainSoonAndThenAsSeldomAsEver() {
        var rhythm = CardRhythm(usual: .seconds(3))
        let pauses = (0..<6).map { _ in rhythm.pause(isSettled: false) }
        #expect(pauses == [250, 500, 1000, 2000, 3000, 3000].map { .milliseconds($0) })
    }

    @Test func aCardThatIsInTheNetworkIsLookedAtAsEver() {
        var rhythm = CardRhythm(usual: .seconds(3))
        #expect(rhythm.pause(isSettled: true) == .seconds(3))
        _ = rhythm.pause(isSettled: false)
        #expect(rhythm.pause(isSettled: true) == .seconds(3))
        // Taken back and wanted again: as at a start.
        #expect(rhythm.pause(isSettled: false) == .milliseconds(250))
    }
}
