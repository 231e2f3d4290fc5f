// Proves that an answer goes no further than it is allowed, waits for more, and ends when none comes.

import NodeModel
import Testing
import Wire

@testable import ExecCore

@Suite struct AnswerAllowanceTests {
    private static let job = JobID("job_" + String(repeating: "0a", count: 16))

    @Test func whatIsAllowedWaitsForNobody() async throws {
        let allowance = AnswerAllowance(16, patience: .zero)
        #expect(try await allowance.covers(16))
        #expect(try await !allowance.covers(17))
        allowance.raise(to: 20)
        #expect(try await allowance.covers(20))
        // Never less than before.
        allowance.raise(to: 3)
        #expect(allowance.tokens == 20)
        #expect(try await allowance.covers(20))
        #expect(try await !allowance.covers(21))
    }

    @Test func whoWaitsGoesOnWithWhatIsEnough() async throws {
        let allowance = AnswerAllowance(1, patience: .seconds(60))
        async let waiting = allowance.covers(9)
        for tokens in 2...8 {
            allowance.raise(to: tokens)
            await Task.yield()
        }
        allowance.raise(to: 9)
        #expect(try await waiting)
    }

    @Test func whoIsCancelledWaitsNoLonger() async {
        let allowance = AnswerAllowance(1, patience: .seconds(60))
        let waiting = Task { try await allowance.covers(2) }
        await Task.yield()
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }

    @Test func anAllowanceIsFoundForAsLongAsItsRun() throws {
        let (allowances, job) = (Allowances(), try #require(Self.job))
        #expect(throws: WireError(.notFound, "")) { try allowances.raise(job, to: 9) }
        #expect(throws: WireError(.invalidParams, "")) { try allowances.begin(job, 0) }
        let allowance = try allowances.begin(job, 8)
        #expect(throws: WireError(.conflict, "")) { try allowances.begin(job, 8) }
        try allowances.raise(job, to: 9)
        #expect(allowance.tokens == 9)
        allowances.end(job)
        #expect(throws: WireError(.notFound, "")) { try allowances.raise(job, to: 10) }
    }
}
