// Asks every running daemon how it is, so that one that hangs with its socket open is found.
// It must never let one daemon's silence delay the question to another.

import IPC
import Interfaces
import Wire

extension Supervisor {
    /// Time between questions, and how long one may go unanswered. Two misses reach the machine's limit.
    static let careInterval = Duration.seconds(2)
    static let carePatienceMs = 3_000

    /// Asks the process `pid` until it ends.
    func care(for role: Role, _ pid: Int32) {
        services[role]?.care?.cancel()
        guard let link = services[role]?.link else { return }
        services[role]?.care = Task {
            while !Task.isCancelled {
                await self.ask(role, pid, link)
                try? await Task.sleep(for: Self.careInterval)
            }
        }
    }

    func heard(_ reply: ControlInterface.Health.Reply, from role: Role, _ pid: Int32) {
        services[role]?.checks = reply.checks
        deliver(role, .health(pid: pid, reply.faults))
    }

    private func ask(_ role: Role, _ pid: Int32, _ link: PeerLink) async {
        do {
            let reply = try await link.call(ControlInterface.Health(), deadlineMs: Self.carePatienceMs)
            guard !Task.isCancelled else { return }
            heard(reply, from: role, pid)
        } catch {
            guard !Task.isCancelled else { return }
            let silent: Set<ErrorCode> = [.deadlineExceeded, .upstreamLost, .unavailable]
            let error = WireError.wrapping(error)
            if silent.contains(error.code) { return deliver(role, .unanswered(pid: pid)) }
            deliver(role, .health(pid: pid, [.init(reason: error.message, fix: error.fix)]))
        }
    }
}
