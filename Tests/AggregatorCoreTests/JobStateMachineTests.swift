// Proves that a job goes through its states in order, whatever arrives late, twice or never.

import Interfaces
import Testing
import Wire

@testable import AggregatorCore

@Suite struct JobStateMachineTests {
    static let limits = JobLimits()

    static func states(_ actions: [JobAction]) -> [AggregatorInterface.State] {
        actions.compactMap { if case .state(let state, _, _) = $0 { state } else { nil } }
    }

    static func outcome(_ actions: [JobAction]) -> JobOutcome? {
        actions.compactMap { if case .end(let outcome) = $0 { outcome } else { nil } }.first
    }

    static func running(
        _ candidates: [String] = ["a"], here: Int? = nil, served: Bool = false
    ) -> JobStateMachine {
        var machine = JobStateMachine(served: served, limits: limits)
        _ = machine.on(.begin)
        _ = machine.on(.planned(candidates: candidates, here: here, summary: "a plan"))
        return machine
    }

    @Test func theHappyPathIsReceivedPlannedRunningVerifyingDone() {
        var machine = JobStateMachine(served: false, limits: Self.limits)
        var seen = Self.states(machine.on(.begin))
        let planned = machine.on(.planned(candidates: ["here"], here: 0, summary: "run here"))
        #expect(planned.contains(.work(.attempt(0))))
        #expect(planned.contains(.disarm(.plan)))
        seen += Self.states(planned)
        seen += Self.states(machine.on(.contact(0)))
        #expect(machine.on(.firstPiece(0)).contains(.arm(.nextPiece, attempt: 0, milliseconds: 20_000)))
        let answered = machine.on(.answered(0))
        #expect(answered.contains(.work(.settle)))
        seen += Self.states(answered)
        let done = machine.on(.settled("ok"))
        #expect(Self.outcome(done) == .done)
        #expect(done.contains(.praise(0)))
        seen += Self.states(done)
        #expect(seen == [.received, .planned, .running, .verifying, .done])
    }

    @Test func aFailureBeforeTheFirstPieceTriesTheNextCandidate() {
        var machine = Self.running(["a", "b", "c", "d"])
        let first = machine.on(.attemptFailed(0, WireError(.upstreamLost, "gone")))
        #expect(first.contains(.blame(0, "gone")))
        #expect(first.contains(.work(.attempt(1))))
        _ = machine.on(.attemptFailed(1, WireError(.upstreamLost, "gone")))
        let third = machine.on(.attemptFailed(2, WireError(.upstreamLost, "gone")))
        #expect(Self.outcome(third) == .failed(WireError(.upstreamLost, "")), "three attempts are the bound")
    }

    /// A stranger's build may be too old to read the request, its context too small, or its word not true: the next one is
    /// asked, nobody is blamed, and when nobody does it, that word is what the caller hears. This node's own is the last word.
    @Test func whatAnotherNodeSaysOfTheRequestIsTriedElsewhere() {
        for code in [ErrorCode.invalidRequest, .contextLengthExceeded, .tooLarge] {
            let refusal = WireError(code, "It cannot be done.")
            var machine = JobStateMachine(served: false, limits: Self.limits)
            _ = machine.on(.begin)
            _ = machine.on(.planned(candidates: ["a", "b", "here"], here: 2, summary: "a plan"))
            let first = machine.on(.attemptFailed(0, refusal))
            #expect(first.contains(.work(.attempt(1))) && !first.contains(.blame(0, refusal.message)))
            let second = machine.on(.attemptFailed(1, WireError(.upstreamLost, "gone")))
            #expect(second.contains(.work(.attempt(2))) && second.contains(.blame(1, "gone")))
            var other = machine
            #expect(
                Self.outcome(machine.on(.attemptFailed(2, WireError(.engineUnavailable, "broken"))))
                    == .failed(refusal))
            let own = WireError(.contextLengthExceeded, "too long here")
            #expect(Self.outcome(other.on(.attemptFailed(2, own))) == .failed(own))
        }
    }

    /// Who was remembered may have left: he is not blamed, and the network is searched once before the job fails.
    @Test func whereNobodyRememberedIsThereOthersAreSearched() {
        var machine = JobStateMachine(served: false, limits: Self.limits)
        _ = machine.on(.begin)
        _ = machine.on(.planned(candidates: ["a", "b"], here: nil, summary: "remembered", remembered: true))
        let gone = WireError(.upstreamLost, "gone")
        let first = machine.on(.attemptFailed(0, gone))
        #expect(first.contains(.lost(0)) && !first.contains(.blame(0, "gone")))
        _ = machine.on(.contact(1))
        let second = machine.on(.attemptFailed(1, gone))
        #expect(second.contains(.blame(1, "gone")), "whoever had answered is blamed as ever")
        #expect(second.contains(.work(.plan)) && Self.outcome(second) == nil)
        let again = machine.on(.planned(candidates: ["c"], here: nil, summary: "searched"))
        #expect(again.contains(.work(.attempt(2))), "numbers of the first plan are not used again")
        #expect(machine.on(.attemptFailed(1, gone)).isEmpty)
        let last = machine.on(.attemptFailed(2, gone))
        #expect(last.contains(.blame(2, "gone")) && Self.outcome(last) == .failed(gone))
    }

    @Test func aFailureAfterTheFirstPieceEndsTheJob() {
        var machine = Self.running(["a", "b"])
        _ = machine.on(.firstPiece(0))
        let actions = machine.on(.attemptFailed(0, WireError(.providerFailed, "gone")))
        #expect(Self.outcome(actions) == .failed(WireError(.providerFailed, "")))
        #expect(!actions.contains(.work(.attempt(1))))
        #expect(machine.state == .failed)
    }

    @Test func whatTheRequestCausedHereIsNeitherRetriedNorBlamed() {
        var machine = Self.running(["a", "b"], here: 0)
        let actions = machine.on(.attemptFailed(0, WireError(.contextLengthExceeded, "too long")))
        #expect(Self.outcome(actions) == .failed(WireError(.contextLengthExceeded, "")))
        #expect(!actions.contains { if case .blame = $0 { true } else { false } })
    }

    @Test func aFullProviderIsPassedOverWithoutBlame() {
        var machine = Self.running(["a", "b"])
        let actions = machine.on(.attemptFailed(0, WireError(.tooManyRequests, "full")))
        #expect(actions.contains(.work(.attempt(1))))
        #expect(!actions.contains { if case .blame = $0 { true } else { false } })
    }

    static func pauses(_ actions: [JobAction]) -> [Int] {
        actions.compactMap { if case .work(.pause(let milliseconds)) = $0 { milliseconds } else { nil } }
    }

    /// A provider that is full is asked again, and nobody else; each round tells for how long it is waited.
    @Test func whereAllAreFullTheJobWaitsForAPlace() {
        var machine = Self.running(["a", "b"])
        _ = machine.on(.attemptFailed(0, WireError(.upstreamLost, "gone")))
        let full = machine.on(.attemptFailed(1, WireError(.tooManyRequests, "full.", retryAfterMs: 1_000)))
        #expect(Self.pauses(full) == [1_000])
        #expect(Self.outcome(full) == nil)
        // What comes late from the attempt before does nothing.
        #expect(machine.on(.attemptFailed(1, WireError(.tooManyRequests, "full"))).isEmpty)
        #expect(machine.on(.paused).contains(.work(.attempt(1))))
        #expect(machine.on(.paused).isEmpty)
        let leaving = machine.on(.attemptFailed(1, WireError(.draining, "leaving", retryAfterMs: 5_000)))
        #expect(Self.pauses(leaving) == [2_000])
        #expect(machine.on(.paused).contains(.work(.attempt(1))))
        _ = machine.on(.firstPiece(1))
        #expect(Self.states(machine.on(.answered(1))) == [.verifying])
    }

    @Test func nobodyWaitsForAPlaceForEver() {
        var machine = Self.running(["a"])
        var waited = 0
        while true {
            let actions = machine.on(.attemptFailed(0, WireError(.tooManyRequests, "full")))
            guard let pause = Self.pauses(actions).first else {
                #expect(Self.outcome(actions) == .failed(WireError(.tooManyRequests, "")))
                break
            }
            waited += pause
            #expect(waited <= Self.limits.busyMs)
            _ = machine.on(.paused)
        }
        #expect(waited == Self.limits.busyMs)
    }

    @Test func aWaitEndsWithItsCallerAndWithTheJobsTime() {
        for (event, state): (JobEvent, AggregatorInterface.State) in [
            (.cancel("The caller went away."), .cancelled),
            (.deadline(.total, attempt: 0, idleMs: 0), .failed),
        ] {
            var machine = Self.running(["a"])
            _ = machine.on(.attemptFailed(0, WireError(.tooManyRequests, "full")))
            #expect(machine.on(event) == [.stop])
            #expect(Self.states(machine.on(.paused)) == [state])
        }
    }

    /// It has a line of its own, as long as its owner allows: who finds it full is told so at once.
    @Test func thisNodeItselfIsNotWaitedFor() {
        var alone = Self.running(["here"], here: 0)
        let refused = alone.on(.attemptFailed(0, WireError(.tooManyRequests, "full")))
        #expect(Self.outcome(refused) == .failed(WireError(.tooManyRequests, "")))
        var machine = Self.running(["a", "here"], here: 1)
        _ = machine.on(.attemptFailed(0, WireError(.tooManyRequests, "full")))
        _ = machine.on(.attemptFailed(1, WireError(.tooManyRequests, "full")))
        #expect(machine.on(.paused).contains(.work(.attempt(0))))
        let again = machine.on(.attemptFailed(0, WireError(.tooManyRequests, "full")))
        #expect(!Self.pauses(again).isEmpty, "only the provider is asked again")
    }

    /// Its own node can go elsewhere, and knows how long it wants to wait.
    @Test func anothersJobIsNotWaitedWith() {
        var machine = Self.running(served: true)
        let actions = machine.on(.attemptFailed(0, WireError(.tooManyRequests, "full")))
        #expect(Self.outcome(actions) == .failed(WireError(.tooManyRequests, "")))
    }

    @Test func silenceStopsAnAttemptAndPiecesPushTheDeadlineOut() {
        var machine = Self.running(["a", "b"])
        #expect(machine.on(.deadline(.connect, attempt: 0, idleMs: 0)) == [.stop])
        let next = machine.on(.attemptFailed(0, WireError(.cancelled, "stopped")))
        #expect(
            next.contains(.work(.attempt(1))), "a late provider is replaced although its call was cancelled")
        _ = machine.on(.firstPiece(1))
        #expect(
            machine.on(.deadline(.nextPiece, attempt: 1, idleMs: 5_000))
                == [.arm(.nextPiece, attempt: 1, milliseconds: 15_000)])
        #expect(machine.on(.deadline(.nextPiece, attempt: 1, idleMs: 20_000)) == [.stop])
        let end = machine.on(.attemptFailed(1, WireError(.cancelled, "stopped")))
        #expect(Self.outcome(end) == .failed(WireError(.deadlineExceeded, "")))
    }

    @Test func timersOfAnEarlierAttemptDoNothing() {
        var machine = Self.running(["a", "b"])
        _ = machine.on(.attemptFailed(0, WireError(.upstreamLost, "gone")))
        for stage in [JobStage.connect, .firstPiece, .nextPiece, .plan, .settle] {
            #expect(machine.on(.deadline(stage, attempt: 0, idleMs: 99_999)).isEmpty)
        }
    }

    @Test func theTotalDeadlineEndsWithoutAnotherAttempt() {
        var machine = Self.running(["a", "b"])
        #expect(machine.on(.deadline(.total, attempt: 0, idleMs: 0)) == [.stop])
        let end = machine.on(.attemptFailed(0, WireError(.cancelled, "stopped")))
        #expect(Self.outcome(end) == .failed(WireError(.deadlineExceeded, "")))
    }

    @Test func cancellingEndsAsCancelledAndBlamesNobody() {
        var machine = Self.running(["a", "b"])
        #expect(machine.on(.cancel("left")) == [.stop])
        #expect(machine.on(.cancel("left")).isEmpty)
        let end = machine.on(.attemptFailed(0, WireError(.upstreamLost, "gone")))
        #expect(Self.outcome(end) == .cancelled(WireError(.cancelled, "")))
        #expect(!end.contains { if case .blame = $0 { true } else { false } })
        #expect(machine.state == .cancelled)
    }

    @Test func aCompleteAnswerIsSettledEvenIfTheCallerLeaves() {
        var machine = Self.running()
        _ = machine.on(.answered(0))
        #expect(machine.on(.cancel("left")).isEmpty)
        #expect(Self.outcome(machine.on(.settled("ok"))) == .done)
    }

    @Test func aReceiptThatDoesNotHoldBlamesTheProvider() {
        var machine = Self.running()
        _ = machine.on(.answered(0))
        let actions = machine.on(.settleFailed(WireError(.verificationFailed, "wrong hash")))
        #expect(actions.contains(.blame(0, "wrong hash")))
        #expect(Self.outcome(actions) == .failed(WireError(.verificationFailed, "")))
    }

    /// Random events in any order: never more than one end, nothing after it, every change of state with a reason,
    /// and work only while the job lives.
    @Test(arguments: 0..<200) func randomEventsKeepTheInvariants(seed: Int) {
        var random = SplitMix(seed: UInt64(seed))
        var machine = JobStateMachine(served: seed % 3 == 0, limits: Self.limits)
        var ends = 0
        var works = 0
        for _ in 0..<60 {
            let before = machine.state
            let actions = machine.on(Self.event(&random))
            if before.isFinal {
                #expect(actions.isEmpty, "seed \(seed): \(actions) after the end")
                #expect(machine.state == before)
            }
            for action in actions {
                switch action {
                case .end: ends += 1
                case .work: works += 1
                case .state(let state, let reason, _):
                    #expect(!reason.isEmpty, "seed \(seed): \(state) without a reason")
                default: break
                }
            }
            if case .end = actions.last { #expect(machine.state.isFinal) }
        }
        #expect(ends <= 1, "seed \(seed)")
        #expect(works <= 2 + Self.limits.maximumAttempts, "seed \(seed)")
    }

    private static func event(_ random: inout SplitMix) -> JobEvent {
        let n = Int.random(in: 0..<3, using: &random)
        let codes: [ErrorCode] = [.upstreamLost, .cancelled, .invalidRequest, .verificationFailed, .diskFull]
        let error = WireError(codes[Int.random(in: 0..<codes.count, using: &random)], "why")
        switch Int.random(in: 0..<11, using: &random) {
        case 0: return .begin
        case 1: return .planned(candidates: Array(repeating: "x", count: n), here: 0, summary: "plan")
        case 2: return .planFailed(error)
        case 3: return .contact(n)
        case 4: return .firstPiece(n)
        case 5: return .answered(n)
        case 6: return .attemptFailed(n, error)
        case 7: return .settled("ok")
        case 8: return .settleFailed(error)
        case 9: return .cancel("left")
        default:
            let stage = JobStage.allCases[Int.random(in: 0..<JobStage.allCases.count, using: &random)]
            return .deadline(stage, attempt: n, idleMs: Int.random(in: 0...30_000, using: &random))
        }
    }
}

/// A small generator whose numbers follow from its seed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
