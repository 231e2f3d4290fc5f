// Proves that a slow Docker is waited for a while, and that one that is gone, or slow for long, is called so.

import Interfaces
import Testing

@testable import ExecCore

@Suite struct DockerPatienceTests {
    private let good = [
        ControlInterface.Check(name: "docker", ok: true, reason: "engine 20.10.24, API 1.41"),
        ControlInterface.Check(name: "image", ok: true, reason: "it is there"),
    ]
    private let slow = DockerError(kind: .slow, message: "Docker did not answer within 1.0 seconds")
    private let start = ContinuousClock.now

    @Test func whatItLastSaidHoldsForAWhile() {
        var patience = DockerPatience()
        #expect(patience.stillHolds(after: slow, at: start) == nil)
        patience.remember(good, at: start)
        let held = patience.stillHolds(after: slow, at: start + .seconds(14))
        #expect(held?.map(\.ok) == [true, true])
        #expect(held?.first?.reason.contains("14 s ago; now Docker did not answer") == true)
        #expect(held?.last == good.last)
        #expect(patience.stillHolds(after: slow, at: start + DockerPatience.grace) == nil)
    }

    @Test(arguments: [DockerError.Kind.noSocket, .notAnswering, .permissionDenied, .noSuchImage, .unreadable])
    func aDockerThatIsGoneIsGoneAtOnce(_ kind: DockerError.Kind) {
        var patience = DockerPatience()
        patience.remember(good, at: start)
        #expect(patience.stillHolds(after: DockerError(kind: kind, message: "gone"), at: start) == nil)
    }

    @Test func whatWasWrongIsNotRemembered() {
        var patience = DockerPatience()
        patience.remember(good, at: start)
        patience.remember([ControlInterface.Check(name: "image", ok: false, reason: "missing")], at: start)
        #expect(patience.stillHolds(after: slow, at: start) == nil)
    }
}
