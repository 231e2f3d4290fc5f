// What the doctor looks at, one after the other, each by itself.
// It must never trust one daemon's word about another: where it can, it tries.

import Glibc
import Interfaces
import NodeModel
import NodeSystem
import Synchronization
import Wire

/// The checks of `infernetctl doctor`.
struct Examination: Sendable {
    var node: Node
    /// Whether a real question may be asked.
    var inference: Bool

    /// Runs all checks; `report` is told of each as it is known.
    func run(_ report: (DoctorCheck) -> Void) async {
        report(clock())
        // The file of the node that runs, which need not be the one that a package brings.
        var machine = MachineChecks()
        if let shown = try? await node.call(SupervisorInterface.ShowConfig(), at: .supervisor),
            let path = shown.path
        {
            machine.config = path
        }
        for check in machine.all() { report(check) }
        let status: SupervisorInterface.Status.Reply
        do {
            status = try await node.call(SupervisorInterface.Status(), at: .supervisor)
            report(.ok("supervisor", "\(status.version), pid \(status.pid), \(status.isolation)"))
        } catch { return report(.failed("supervisor", error)) }
        if status.state == .failed {
            report(.failed("node", status.reason, fix: status.fix))
            // Nothing was even started, so there is nothing to ask: the one reason must not drown in its results.
            if status.daemons.allSatisfy({ $0.state == .down }) { return }
        }
        for daemon in status.daemons { await examine(daemon, report) }
        await engine(report)
        report(disk(status.stateDirectory))
        let model = await models(report)
        await http(report)
        await network(report)
        report(await answer(model))
    }

    private func clock() -> DoctorCheck {
        // This build cannot have been made after the present.
        var info = stat()
        guard stat("/proc/self/exe", &info) == 0 else { return .skipped("clock", "this build has no date") }
        let now = Clock.milliseconds() / 1000
        let built = Int64(info.st_mtim.tv_sec)
        if now + 86_400 < built {
            return .failed(
                "clock",
                "it says \(Units.time(now * 1000)), but this build is from \(Units.time(built * 1000))",
                fix:
                    "Set the clock, for example with: timedatectl set-ntp true. Receipts and cards carry its time."
            )
        }
        return .ok("clock", Units.time(now * 1000))
    }

    private func examine(_ daemon: SupervisorInterface.DaemonStatus, _ report: (DoctorCheck) -> Void) async {
        let name = daemon.daemon.rawValue
        guard daemon.pid != nil else {
            return report(.failed(name, "\(daemon.state.rawValue): \(daemon.reason)", fix: daemon.fix))
        }
        do {
            let health = try await node.call(ControlInterface.Health(), at: daemon.daemon)
            report(.ok(name, "answers, pid \(daemon.pid ?? 0), \(daemon.restarts) restarts"))
            for check in health.checks { report(DoctorCheck(name, check)) }
        } catch { report(.failed(name, error)) }
    }

    private func engine(_ report: (DoctorCheck) -> Void) async {
        do {
            let inventory = try await node.call(ExecInterface.Inventory(), at: .exec)
            let devices = inventory.devices.map { "\($0.kind) \($0.name)" }.joined(separator: ", ")
            report(
                inventory.devices.isEmpty
                    ? .failed("devices", "none was found", fix: "Look at 'infernetctl logs --daemon exec-d'.")
                    : .ok("devices", devices + (inventory.gpuReason.map { "; no GPU: \($0)" } ?? "")))
            report(Self.computing(inventory))
            if let image = inventory.image { report(.ok("engine image", image)) }
        } catch { report(.failed("devices", error)) }
    }

    /// What engines compute with, which need not be all that the machine has.
    static func computing(_ inventory: ExecInterface.Inventory.Reply) -> DoctorCheck {
        guard inventory.image != nil else { return .skipped("engines", "none is configured") }
        let used = inventory.computing
        let words = used.map { "\($0.kind) \($0.name), \($0.memoryMiB) MiB" }.joined(separator: "; ")
        let idle = inventory.devices.filter { device in
            device.kind != "cpu" && !used.contains { $0.kind == device.kind && $0.name == device.name }
        }
        guard let first = idle.first else { return .ok("engines", "compute with \(words)") }
        return .warned(
            "engines",
            "compute with \(words); \(idle.count == 1 ? "a GPU is" : "\(idle.count) GPUs are") not used: \(first.name)",
            fix:
                "Nothing is lost but speed, and the card says what is used; docs/cli.md says what engines can use."
        )
    }

    private func disk(_ directory: String) -> DoctorCheck {
        do {
            let space = try DiskSpace.of(directory)
            let words = "\(Units.bytes(Int64(clamping: space.freeBytes))) free at \(directory)"
            guard space.freeBytes >= 512 << 20 else {
                return .failed(
                    "disk", words, fix: "Make room; below 512 MiB journals and receipts are at risk.")
            }
            return .ok("disk", words)
        } catch { return .failed("disk", error) }
    }

    /// Verifies every model's bytes, and gives the first model that is whole.
    private func models(_ report: (DoctorCheck) -> Void) async -> String? {
        do {
            let entries = try await node.call(ContentInterface.List(), at: .content).entries
            guard !entries.isEmpty else {
                report(
                    .failed("models", "the store is empty", fix: "Add one: infernetctl content add FILE.gguf")
                )
                return nil
            }
            var whole: String?
            for entry in entries {
                do {
                    let checked = try await node.call(
                        ContentInterface.Verify(reference: entry.name), at: .content)
                    report(
                        .ok(
                            "model \(entry.name)",
                            "\(Units.bytes(entry.size)) verified in \(Units.milliseconds(checked.verifyMs))"))
                    if whole == nil, entry.format == "gguf" { whole = entry.name }
                } catch { report(.failed("model \(entry.name)", error)) }
            }
            return whole
        } catch {
            report(.failed("models", error))
            return nil
        }
    }

    private func http(_ report: (DoctorCheck) -> Void) async {
        do {
            let listeners = try await node.call(WSInterface.Sessions(), at: .ws).listeners
            let addresses = listeners.filter { $0.hasPrefix("http ") }.map { String($0.dropFirst(5)) }
            guard let address = addresses.first else {
                return report(
                    .failed(
                        "api", "ws-d listens on no HTTP address",
                        fix:
                            "Another program may have the port: see http.listen in the configuration and 'ss -ltnp'."
                    ))
            }
            let status = try await Reading.offLoop { try HTTPProbe.status(of: address) }
            // 503 is an honest answer of a degraded node; that the API answers is what is asked here.
            report(
                status == 200 || status == 503
                    ? .ok("api", "http://\(address)/v1 answers")
                    : .failed("api", "http://\(address)/healthz answers \(status)", fix: nil))
        } catch { report(.failed("api", error)) }
    }

    private func network(_ report: (DoctorCheck) -> Void) async {
        do {
            let stats = try await node.call(DHTInterface.Stats(), at: .dht)
            guard let address = stats.address else {
                return report(.skipped("network", "switched off: \(stats.reason)"))
            }
            report(.ok("network", "\(address), \(stats.reason)"))
        } catch { report(.failed("network", error)) }
    }

    private func answer(_ model: String?) async -> DoctorCheck {
        guard inference else { return .skipped("inference", "not asked for (--no-inference)") }
        guard let model else { return .skipped("inference", "no whole model is here") }
        let first = Mutex<ContinuousClock.Instant?>(nil)
        let started = ContinuousClock.now
        let request = InferenceRequest(
            model: model, messages: [ChatMessage(role: "user", content: "Say hello.")],
            sampling: Sampling(temperature: 0, maxTokens: 8))
        do {
            let reply = try await node.stream(AggregatorInterface.Submit(request: request), at: .aggregator) {
                event in
                if event.stage == .token { first.withLock { if $0 == nil { $0 = .now } } }
            }
            let all = Int64((ContinuousClock.now - started) / .milliseconds(1))
            let begin = first.withLock { $0 }.map { Int64(($0 - started) / .milliseconds(1)) }
            return .ok(
                "inference",
                "\(model) answered in \(Units.milliseconds(all))"
                    + (begin.map { ", first token after \(Units.milliseconds($0))" } ?? "")
                    + ", \(reply.record.job)")
        } catch { return .failed("inference", error) }
    }
}
