// Proves that daemons start by readiness and order, and that one that does not come up delays but never blocks.

import Testing
import Wire

@testable import SupervisorCore

struct StartPlanTests {
    var plan = StartPlan([(.ledger, 0), (.content, 0), (.exec, 1), (.ws, 3)], patienceMs: 3_000)

    @Test mutating func theNextOrderWaitsForAllOfTheOneBefore() {
        #expect(plan.begin() == [.start(.ledger), .start(.content), .arm(step: 0, milliseconds: 3_000)])
        #expect(plan.settled(.content).isEmpty)
        #expect(plan.settled(.content).isEmpty, "twice is still one")
        #expect(plan.settled(.ledger) == [.start(.exec), .arm(step: 1, milliseconds: 3_000)])
        #expect(plan.settled(.exec) == [.start(.ws), .arm(step: 2, milliseconds: 3_000)])
        #expect(plan.settled(.ws) == [.done])
        #expect(plan.begin().isEmpty && plan.late.isEmpty)
    }

    @Test mutating func lateOnesDelayOnlyUntilTheirTimeIsOver() {
        _ = plan.begin()
        _ = plan.settled(.ledger)
        #expect(plan.expired(step: 0) == [.start(.exec), .arm(step: 1, milliseconds: 3_000)])
        #expect(plan.late == [.content])
        #expect(plan.expired(step: 0).isEmpty, "a stale timer")
        #expect(plan.settled(.content).isEmpty, "its step is over")
        #expect(plan.late.isEmpty)
    }

    @Test mutating func everyStepCanExpire() {
        _ = plan.begin()
        _ = plan.expired(step: 0)
        _ = plan.expired(step: 1)
        #expect(plan.expired(step: 2) == [.done])
        #expect(plan.late == [.ledger, .content, .exec, .ws])
    }
}
