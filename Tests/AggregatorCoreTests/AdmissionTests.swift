// Proves that places are given in order, that the line is bounded, and that nobody is forgotten in it.

import Testing
import Wire

@testable import AggregatorCore

@Suite struct AdmissionTests {
    @Test func placesThenALineThenRefusal() {
        var admission = Admission(places: 1, line: 2)
        #expect(admission.enter(1) == .go)
        #expect(admission.enter(2) == .wait(1))
        #expect(admission.enter(3) == .wait(2))
        guard case .refuse(let wait) = admission.enter(4) else {
            Issue.record("the line has no end")
            return
        }
        #expect((500...60_000).contains(wait))
        let gone = admission.giveUp(2)
        #expect(gone)
        #expect(admission.leave(afterMs: 10) == 3)
        let placed = admission.giveUp(3)
        #expect(!placed, "it has a place now")
        #expect(admission.leave(afterMs: 10) == nil)
        #expect(admission.active == 0)
    }

    @Test func aCancelledWaiterGivesItsTurnAway() async throws {
        let gate = Gate(places: 1, line: 5, what: "jobs")
        let first = try gate.enter()
        let second = try gate.enter()
        let third = try gate.enter()
        let waiting = Task { try await gate.wait(second) }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        gate.leave(second)
        let served = Task { try await gate.wait(third) }
        gate.leave(first)
        try await served.value
        #expect(gate.active == 1)
        gate.leave(third)
        #expect(gate.active == 0)
        #expect(gate.queued == 0)
    }

    @Test func aShutGateLetsNobodyInAndThrowsNobodyOut() async throws {
        let gate = Gate(places: 1, line: 1, what: "jobs")
        let inside = try gate.enter()
        let waiting = try gate.enter()
        gate.shut(true)
        let error = #expect(throws: WireError.self) { try gate.enter() }
        #expect(error?.code == .draining && error?.fix != nil && error?.retryAfterMs != nil)
        gate.leave(inside)
        try await gate.wait(waiting)
        #expect(gate.active == 1 && gate.queued == 0, "who was in line has the place")
        gate.leave(waiting)
        #expect(throws: WireError.self) { try gate.enter() }
        gate.shut(false)
        gate.leave(try gate.enter())
    }

    @Test func theRefusalSaysWhenToComeBack() throws {
        let gate = Gate(places: 1, line: 0, what: "jobs")
        let ticket = try gate.enter()
        defer { gate.leave(ticket) }
        let error = #expect(throws: WireError.self) { try gate.enter() }
        #expect(error?.code == .tooManyRequests)
        #expect(error?.retryAfterMs != nil)
    }
}
