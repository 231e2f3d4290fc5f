// Proves that patience follows what was measured, as RFC 6298 smooths it: a steady node is waited for briefly, one that
// varies longer, and one late answer does not spoil the estimate for good.

import DHTCore
import Testing

@Suite struct RoundTripTests {
    private func after(_ samples: [Int64]) -> RoundTrip {
        var measured = RoundTrip()
        for sample in samples { measured.learn(sample) }
        return measured
    }

    @Test func nothingIsKnownBeforeTheFirstAnswer() {
        #expect(RoundTrip().smoothed == nil)
        #expect(RoundTrip().softTimeout == nil)
    }

    /// RFC 6298 (2.2): SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 RTTVAR.
    @Test func theFirstAnswerCountsWhole() {
        #expect(after([100]).smoothed == 100)
        #expect(after([100]).softTimeout == 300)
    }

    /// (2.3): RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R'|, with the old SRTT; then SRTT = 7/8 SRTT + 1/8 R'.
    @Test func theSecondAnswerCountsAnEighth() {
        let measured = after([80, 160])
        #expect(measured.smoothed == 90)
        #expect(measured.softTimeout == 290)
    }

    @Test func aSteadyNodeIsWaitedForTenMillisecondsBeyondItsTime() {
        #expect(after(Array(repeating: 100, count: 40)).softTimeout == 110)
        #expect(after(Array(repeating: 0, count: 40)).softTimeout == 10)
    }

    @Test func oneLateAnswerIsForgottenAgain() {
        let steady = Array(repeating: Int64(100), count: 40)
        let late = after(steady + [500])
        #expect(late.smoothed == 150)
        #expect(late.softTimeout == 550)
        #expect(after(steady + [500] + steady).softTimeout.map { $0 <= 112 } == true)
    }
}
