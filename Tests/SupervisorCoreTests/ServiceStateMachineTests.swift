// Proves the life of one daemon step by step: what is asked of the shell at each event, and what a person reads.

import Interfaces
import NodeSystem
import Testing

@testable import SupervisorCore

struct ServiceStateMachineTests {
    typealias Action = ServiceStateMachine.Action
    typealias Timer = ServiceStateMachine.Timer

    var machine = ServiceStateMachine(
        .init(permanentExits: [78: .init(reason: "the configuration is wrong", fix: "Correct it.")]))
    var now: Int64 = 0
    static let quiet = Timer.allCases.map { Action.disarm($0) }

    mutating func on(_ event: ServiceStateMachine.Event, after milliseconds: Int64 = 1) -> [Action] {
        now += milliseconds
        return machine.on(event, at: now)
    }

    /// Brings it to ready as process 10.
    mutating func makeReady() {
        #expect(on(.start) == [.spawn])
        #expect(on(.spawned(pid: 10)) == [.arm(.start, milliseconds: 10_000)])
        #expect(on(.ready(pid: 10)) == [.disarm(.start), .arm(.watchdog, milliseconds: 10_000)])
        #expect(machine.state == .ready && machine.reason == "ready")
    }

    @Test mutating func becomesReadyByItsOwnWord() {
        makeReady()
        #expect(on(.start).isEmpty, "it is up already")
        #expect(on(.status(pid: 10, "42 models")).isEmpty)
        #expect(machine.reason == "42 models")
    }

    @Test mutating func aHealthyOneIsRestartedAtOnce() {
        makeReady()
        let actions = on(.exited(pid: 10, .signalled(9)), after: 500)
        let reason = "killed by signal 9 (SIGKILL)"
        #expect(
            actions == Self.quiet + [.record(pid: 10, .signalled(9), reason: reason, uptimeMs: 501), .spawn])
        #expect(machine.state == .starting && machine.reason == "restarting after: \(reason)")
        #expect(machine.restarts == 1)
    }

    @Test mutating func oneThatWasNeverHealthyWaitsLongerAndLonger() {
        _ = on(.start)
        var waits: [Int64] = []
        for pid in Int32(1)...10 {
            _ = on(.spawned(pid: pid))
            for case .arm(.backoff, let wait) in on(.exited(pid: pid, .exited(1))) { waits.append(wait) }
            #expect(machine.state == .backoff && machine.fix != nil)
            #expect(on(.timer(.backoff)) == [.spawn])
        }
        #expect(waits == [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000])
    }

    @Test mutating func itsLastWordsStandWithItsExit() {
        _ = on(.start)
        _ = on(.spawned(pid: 1))
        _ = on(.status(pid: 1, "reading the journal"))
        _ = on(.exited(pid: 1, .exited(1)))
        #expect(machine.reason == "ended by itself with exit code 1", "what it did is not why it ended")
        _ = on(.timer(.backoff))
        _ = on(.spawned(pid: 2))
        _ = on(.status(pid: 2, "failed: the disk is full"))
        _ = on(.exited(pid: 2, .exited(1)))
        #expect(machine.reason == "ended by itself with exit code 1: the disk is full")
        _ = on(.timer(.backoff))
        _ = on(.spawned(pid: 3))
        _ = on(.status(pid: 3, "failed: no such key"))
        _ = on(.exited(pid: 3, .exited(78)))
        #expect(machine.reason == "exit code 78: the configuration is wrong: no such key")
    }

    @Test mutating func aBudgetBoundsRestartsButNeverStopsThem() {
        makeReady()
        var pid: Int32 = 10
        for _ in 0..<60 {
            #expect(on(.exited(pid: pid, .signalled(11))).last == .spawn)
            pid += 1
            _ = on(.spawned(pid: pid))
            _ = on(.ready(pid: pid))
        }
        let actions = on(.exited(pid: pid, .signalled(11)))
        guard case .arm(.backoff, let wait)? = actions.last else {
            Issue.record("not throttled: \(actions)")
            return
        }
        #expect((1..<60_000).contains(wait))
        #expect(machine.reason.contains("60 times within a minute"))
        #expect(on(.timer(.backoff), after: wait) == [.spawn])
    }

    @Test mutating func aPermanentExitIsShownAndNeverLooped() {
        _ = on(.start)
        _ = on(.spawned(pid: 5))
        #expect(!on(.exited(pid: 5, .exited(78))).contains(.spawn))
        #expect(machine.state == .failed)
        #expect(machine.reason == "exit code 78: the configuration is wrong" && machine.fix == "Correct it.")
        for timer in Timer.allCases { #expect(on(.timer(timer)).isEmpty) }
        #expect(on(.restart(reason: "asked for")) == [.spawn])
    }

    @Test mutating func aStopDrainsThenAsksThenKills() {
        makeReady()
        #expect(
            on(.stop) == [
                .disarm(.start), .disarm(.watchdog), .drain(pid: 10), .arm(.drain, milliseconds: 5_000),
            ])
        #expect(machine.state == .stopping)
        #expect(on(.timer(.drain)) == [.signal(pid: 10, 15), .arm(.grace, milliseconds: 3_000)])
        #expect(on(.timer(.grace)).last == .signal(pid: 10, 9))
        let actions = on(.exited(pid: 10, .signalled(9)))
        #expect(machine.state == .down && !actions.contains(.spawn))
        guard case .record(_, _, let reason, _)? = actions.last else {
            Issue.record("nobody hears that it had to be killed")
            return
        }
        #expect(reason == "did not stop within 3 s of SIGTERM, and was killed")
    }

    @Test mutating func aDrainedOneIsAskedAtOnceAndLeavesNoRecord() {
        makeReady()
        _ = on(.stop)
        #expect(on(.drained(pid: 10)).contains(.signal(pid: 10, 15)))
        #expect(on(.drained(pid: 10)).isEmpty, "once is enough")
        #expect(on(.exited(pid: 10, .exited(0))) == Self.quiet)
        #expect(machine.state == .down && machine.reason == "stopped")
    }

    @Test mutating func aStopBeforeTheProcessIsThereEndsIt() {
        _ = on(.start)
        #expect(on(.stop).isEmpty)
        #expect(on(.spawned(pid: 7)).first == .signal(pid: 7, 15))
        _ = on(.exited(pid: 7, .exited(0)))
        #expect(machine.state == .down)
    }

    @Test mutating func aRestartReplacesWithoutARecord() {
        makeReady()
        #expect(on(.restart(reason: "asked for")).contains(.drain(pid: 10)))
        _ = on(.drained(pid: 10))
        #expect(on(.exited(pid: 10, .exited(0))) == Self.quiet + [.spawn])
        #expect(machine.restarts == 0 && machine.reason == "starting: asked for")
    }

    @Test mutating func aStopDuringARestartWins() {
        makeReady()
        _ = on(.restart(reason: "asked for"))
        _ = on(.stop)
        #expect(!on(.exited(pid: 10, .exited(0))).contains(.spawn))
        #expect(machine.state == .down)
    }

    @Test mutating func silenceOfTheWatchdogKills() {
        makeReady()
        #expect(on(.alive(pid: 10)) == [.arm(.watchdog, milliseconds: 10_000)])
        #expect(on(.timer(.watchdog)).last == .signal(pid: 10, 9))
        #expect(machine.state == .stopping && machine.reason == "gave no sign of life for 10 s")
        #expect(on(.exited(pid: 10, .signalled(9))).last == .spawn)
        #expect(machine.reason == "restarting after: gave no sign of life for 10 s, and was killed")
    }

    @Test mutating func oneThatNeverBecomesReadyIsKilledAndWaits() {
        _ = on(.start)
        _ = on(.spawned(pid: 3))
        #expect(on(.timer(.start)).last == .signal(pid: 3, 9))
        _ = on(.exited(pid: 3, .signalled(9)))
        #expect(machine.state == .backoff && machine.reason.hasPrefix("did not become ready within 10 s"))
    }

    @Test mutating func aHungOneWithAnOpenSocketIsFound() {
        makeReady()
        #expect(on(.unanswered(pid: 10), after: 5_000).isEmpty)
        #expect(machine.state == .degraded && machine.reason == "is slow to answer control.health")
        #expect(on(.health(pid: 10, []), after: 1_000).isEmpty)
        #expect(machine.state == .ready)
        #expect(on(.unanswered(pid: 10), after: 9_999).isEmpty)
        #expect(on(.unanswered(pid: 10), after: 1).last == .signal(pid: 10, 9))
        #expect(machine.reason == "did not answer control.health for 10 s")
    }

    @Test mutating func faultsAndMissingSocketsMakeItDegradedWithAFix() {
        makeReady()
        _ = on(.impeded(.init(reason: "port 8080 is taken", fix: "Free it.")))
        #expect(
            machine.state == .degraded && machine.reason == "port 8080 is taken" && machine.fix == "Free it.")
        _ = on(.health(pid: 10, [.init(reason: "docker: not there", fix: "Start it.")]))
        #expect(machine.reason == "port 8080 is taken; docker: not there")
        _ = on(.impeded(nil))
        #expect(machine.reason == "docker: not there" && machine.fix == "Start it.")
        _ = on(.health(pid: 10, []))
        #expect(machine.state == .ready && machine.fix == nil)
    }

    @Test mutating func aProgramThatCannotBeStartedWaitsWithTheReason() {
        makeReady()
        _ = on(.exited(pid: 10, .exited(1)))
        let actions = on(.spawnFailed(.init(reason: "no such file", fix: "Install it.")))
        #expect(actions == [.arm(.backoff, milliseconds: 200)])
        #expect(machine.reason == "no such file" && machine.fix == "Install it.")
    }

    @Test mutating func wordsOfAnotherProcessChangeNothing() {
        makeReady()
        let before = (machine.state, machine.reason)
        for event: ServiceStateMachine.Event in [
            .ready(pid: 11), .status(pid: 11, "x"), .alive(pid: 11), .health(pid: 11, [.init(reason: "x")]),
            .unanswered(pid: 11), .drained(pid: 11), .exited(pid: 11, .exited(0)), .spawned(pid: 12),
        ] {
            #expect(on(event, after: 20_000).isEmpty)
        }
        #expect((machine.state, machine.reason) == before)
    }
}
