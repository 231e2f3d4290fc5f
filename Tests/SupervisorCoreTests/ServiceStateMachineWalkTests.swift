// Proves with long random walks what must hold in every order of events, late and stray ones included.

import Interfaces
import NodeSystem
import Testing

@testable import SupervisorCore

/// A world that does what the machine asks, at random times, and says untrue things in between.
private struct World {
    var machine = ServiceStateMachine(.init(permanentExits: [78: .init(reason: "wrong")]))
    var random: SplitMix
    var now: Int64 = 0
    var nextPid: Int32 = 100
    var pendingSpawns = 0
    var living: Set<Int32> = []
    /// Those that got SIGKILL.
    var dying: Set<Int32> = []
    var armed: [ServiceStateMachine.Timer: Int64] = [:]
    /// Whether the last wish was to have it up.
    var wanted = false
    var broken: [String] = []

    mutating func send(_ event: ServiceStateMachine.Event) {
        let before = machine.state
        let actions = machine.on(event, at: now)
        switch event {
        case .start: wanted = true
        case .stop: wanted = false
        case .restart: if before == .failed || (before == .down && actions.contains(.spawn)) { wanted = true }
        default: break
        }
        for action in actions { perform(action, because: event) }
        check(event)
    }

    private mutating func perform(
        _ action: ServiceStateMachine.Action, because event: ServiceStateMachine.Event
    ) {
        switch action {
        case .spawn:
            if !living.isEmpty || pendingSpawns > 0 { broken.append("a second process at \(event)") }
            if !wanted { broken.append("a spawn after stop at \(event)") }
            pendingSpawns += 1
        case .signal(let pid, let number):
            if !living.contains(pid) { broken.append("signal \(number) to \(pid), which is gone") }
            if number == 9 { dying.insert(pid) }
        case .drain(let pid): if !living.contains(pid) { broken.append("drain of \(pid), which is gone") }
        case .arm(let timer, let wait): armed[timer] = now + wait
        case .disarm(let timer): armed[timer] = nil
        case .record(let pid, _, let reason, let uptime):
            if reason.isEmpty || uptime < 0 { broken.append("a record of \(pid) without reason or time") }
        }
    }

    private mutating func check(_ event: ServiceStateMachine.Event) {
        let state = machine.state
        func demand(_ holds: Bool, _ text: String) {
            if !holds { broken.append("\(text) in \(state) after \(event)") }
        }
        demand(machine.pid == living.first, "the machine's pid is the living one")
        switch state {
        case .down: demand(living.isEmpty && pendingSpawns == 0, "nothing lives")
        case .failed: demand(living.isEmpty && pendingSpawns == 0, "nothing lives")
        case .backoff: demand(living.isEmpty && armed[.backoff] != nil, "it will be tried again")
        case .starting: demand(pendingSpawns == 1 || armed[.start] != nil, "it is waited for")
        case .ready, .degraded: demand(living.count == 1 && armed[.watchdog] != nil, "it is watched")
        case .stopping:
            demand(
                pendingSpawns == 1 || armed[.drain] != nil || armed[.grace] != nil || !dying.isEmpty,
                "its end is certain")
        }
        demand(!machine.reason.isEmpty, "there is a reason")
    }

    /// One random thing that can happen.
    mutating func step() {
        now += Int64(random.below(3_000))
        let pid = living.first ?? 1
        let stray = Int32(random.below(5))
        switch random.below(22) {
        case 0: send(.start)
        case 1 where random.below(3) == 0: send(.stop)
        case 2 where random.below(3) == 0: send(.restart(reason: "walk"))
        case 3, 4, 5: settleSpawn()
        case 6, 7: send(.ready(pid: pid))
        case 8: send(.status(pid: pid, "busy"))
        case 9: send(.alive(pid: pid))
        case 10: send(.health(pid: pid, random.below(2) == 0 ? [] : [.init(reason: "sick")]))
        case 11: send(.unanswered(pid: pid))
        case 12: send(.drained(pid: pid))
        case 13: send(.impeded(random.below(2) == 0 ? nil : .init(reason: "port")))
        case 14, 15: die()
        case 16: fire()
        case 17: send(.ready(pid: stray))
        case 18: send(.exited(pid: stray, .exited(0)))
        case 19: send(.timer(ServiceStateMachine.Timer.allCases[Int(random.below(5))]))
        case 20 where pendingSpawns == 0: send(.spawned(pid: stray + 1))
        default: fire()
        }
    }

    mutating func settleSpawn() {
        guard pendingSpawns > 0 else { return }
        pendingSpawns -= 1
        if random.below(5) == 0 { return send(.spawnFailed(.init(reason: "no memory"))) }
        nextPid += 1
        living.insert(nextPid)
        send(.spawned(pid: nextPid))
    }

    mutating func die() {
        guard let pid = living.popFirst() else { return }
        dying.remove(pid)
        let ends: [ChildExit] = [
            .exited(0), .exited(1), .exited(78), .signalled(9), .signalled(11), .unknown,
        ]
        send(.exited(pid: pid, ends[Int(random.below(UInt64(ends.count)))]))
    }

    /// The timer that is due next.
    mutating func fire() {
        guard let (timer, due) = armed.min(by: { $0.value < $1.value }) else { return }
        armed[timer] = nil
        now = max(now, due)
        send(.timer(timer))
    }

    /// Only timers and obedient deaths from here on: it must come to rest.
    mutating func settle() {
        for _ in 0..<50 where machine.state != .down {
            if pendingSpawns > 0 { settleSpawn() }
            if let pid = dying.first {
                dying.remove(pid)
                living.remove(pid)
                send(.exited(pid: pid, .signalled(9)))
            }
            fire()
        }
    }
}

/// SplitMix64: the same walk for the same seed.
struct SplitMix {
    var state: UInt64

    mutating func below(_ limit: UInt64) -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return (z ^ (z >> 31)) % limit
    }
}

struct ServiceStateMachineWalkTests {
    @Test func noOrderOfEventsBreaksTheRules() {
        for seed in 0..<400 {
            var world = World(random: SplitMix(state: UInt64(seed)))
            for step in 0..<500 {
                world.step()
                if let first = world.broken.first {
                    Issue.record("seed \(seed), step \(step): \(first)")
                    return
                }
            }
            world.send(.stop)
            world.settle()
            #expect(world.machine.state == .down && world.living.isEmpty, "seed \(seed): it does not stop")
            #expect(world.broken.isEmpty, "seed \(seed): \(world.broken)")
        }
    }
}
