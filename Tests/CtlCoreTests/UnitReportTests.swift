// Proves that what systemd says of units comes out as a person's status, from output as systemctl and the journal of
// systemd 252 print it.

import Interfaces
import NodeConfig
import NodeModel
import Synchronization
import Testing
import Wire

@testable import CtlCore

@Suite struct UnitReportTests {
    private func status(_ states: [Role: SupervisorInterface.State] = [:]) -> SupervisorInterface.Status.Reply
    {
        let daemons = Role.daemons.map { role in
            let state = states[role] ?? .ready
            return SupervisorInterface.DaemonStatus(
                daemon: role, state: state, reason: "\(state)", since: 5, pid: state == .ready ? 42 : nil)
        }
        return .init(
            version: "0.1.0", state: .ready, reason: "all daemons are ready", fix: nil, pid: 1,
            mode: "systemd",
            singleUid: false, isolation: "", uptimeMs: 1, stateDirectory: "/", runDirectory: "/",
            daemons: daemons)
    }

    private func show(_ unit: String, _ active: String, _ sub: String, _ result: String, exit: String = "0")
        -> String
    {
        """
        MainPID=0
        Result=\(result)
        NRestarts=3
        ExecMainCode=1
        ExecMainStatus=\(exit)
        Id=\(unit)
        ActiveState=\(active)
        SubState=\(sub)
        StateChangeTimestamp=@1790000000

        """
    }

    private func complete(
        _ role: Role, _ show: String, journal: String = "", _ states: [Role: SupervisorInterface.State] = [:]
    ) throws -> (node: SupervisorInterface.Status.Reply, daemon: SupervisorInterface.DaemonStatus) {
        let node = UnitReport(show: show, journal: journal).complete(status(states))
        return (node, try #require(node.daemons.first { $0.daemon == role }))
    }

    @Test func aUnitThatRunsKeepsItsOwnWords() throws {
        let (node, ws) = try complete(.ws, show("infernet-ws.service", "active", "running", "success"))
        #expect(node.state == .ready && ws.state == .ready && ws.restarts == 3 && ws.lastDeath == nil)
    }

    @Test func aPermanentExitIsAFailureWithItsFix() throws {
        let text = show("infernet-ledger.service", "failed", "failed", "exit-code", exit: "78")
        let (node, ledger) = try complete(.ledger, text, [.ledger: .starting])
        #expect(ledger.state == .failed && ledger.reason.contains("exit code 78") && ledger.pid == nil)
        #expect(ledger.fix?.contains("infernetctl restart ledger-d") == true)
        #expect(ledger.since == 1_790_000_000_000)
        #expect(node.state == .degraded && node.reason.contains("ledger-d is failed"))
    }

    @Test func itsLastWordsStandWithItsExit() throws {
        let text = show("infernet-ledger.service", "failed", "failed", "exit-code", exit: "78")
            .replacing("NRestarts=3", with: "NRestarts=3\nStatusText=failed: the key is not readable")
        #expect(try complete(.ledger, text).daemon.reason.hasSuffix("wrong: the key is not readable"))
        let well = text.replacing("failed: the key is not readable", with: "ready")
        #expect(try !complete(.ledger, well).daemon.reason.contains("ready"))
    }

    @Test(arguments: [
        (#""EXIT_CODE":"killed","EXIT_STATUS":"9""#, "", "(SIGKILL)", "SIGKILL"),
        (#""EXIT_CODE":"dumped","EXIT_STATUS":"6""#, "", "(SIGABRT)", "SIGABRT"),
        (#""EXIT_CODE":"killed","EXIT_STATUS":"9""#, "watchdog", "no sign of life", "SIGKILL"),
        (#""EXIT_CODE":"killed","EXIT_STATUS":"9""#, "oom-kill", "more memory", "SIGKILL"),
        (#""EXIT_CODE":"exited","EXIT_STATUS":"1""#, "exit-code", "exit code 1", ""),
    ])
    func anEndIsToldAsItWas(_ fields: String, _ result: String, _ words: String, _ signal: String) throws {
        let head = #""UNIT":"infernet-dht.service","__REALTIME_TIMESTAMP":"1790000000123456""#
        var journal = "{\(head),\"MESSAGE\":\"Main process exited\",\(fields)}\nnot json\n"
        if !result.isEmpty { journal += "{\(head),\"UNIT_RESULT\":\"\(result)\"}\n" }
        let (_, dht) = try complete(
            .dht, show("infernet-dht.service", "active", "running", "success"), journal: journal)
        let death = try #require(dht.lastDeath)
        #expect(death.reason.contains(words) && death.at == 1_790_000_000_123)
        #expect(death.signal == (signal.isEmpty ? nil : signal))
        #expect(death.exitCode == (signal.isEmpty ? 1 : nil))
    }

    @Test func aCrashLoopSaysThatNobodyTriesAgain() throws {
        let text = show("infernet-exec.service", "failed", "failed", "start-limit-hit")
        let (_, exec) = try complete(.exec, text, [.exec: .backoff])
        #expect(exec.state == .failed && exec.reason.contains("gave up"))
    }

    @Test func nonsenseChangesNothing() {
        let before = status()
        #expect(
            UnitReport(show: "=\n\nId\n=x\nId=other.service\n", journal: "{}\n[1]\n\u{0}").complete(before)
                == before)
    }
}

@Suite struct EngineImageTests {
    private let id = "sha256:" + String(repeating: "a", count: 64)

    @Test(arguments: [
        ("", "exec:\n  image: \"ID\"\n"),
        (
            "# exec:\nhttp:\n  listen: \"127.0.0.1:1\"\n",
            "# exec:\nhttp:\n  listen: \"127.0.0.1:1\"\nexec:\n  image: \"ID\"\n"
        ),
        ("exec:\n  slots: 2 # two\ndht: {}\n", "exec:\n  image: \"ID\"\n  slots: 2 # two\ndht: {}\n"),
        ("exec:\n    image: x\n    slots: 2\n", "exec:\n    image: \"ID\"\n    slots: 2\n"),
    ])
    func theImageIsNamedAndTheRestStays(_ before: String, _ after: String) throws {
        #expect(try EngineImage.naming(id, in: before) == after.replacing("ID", with: id))
    }

    @Test func whatIsInOneLineIsLeftToThePerson() {
        #expect(throws: WireError.self) { try EngineImage.naming(id, in: "exec: {slots: 2}\n") }
    }

    @Test func setupGivesEnginesTheirShareOnce() throws {
        let machine = MachineSize(cores: 8, memoryMiB: 64_000)
        func look(_ text: String) throws -> (SetupStep.Finding, String) {
            let written = Mutex("")
            let finding = try SetupPlan.share(of: machine, in: text) { new in written.withLock { $0 = new } }
            if case .needed(_, let act) = finding { _ = try act() }
            return (finding, written.withLock { $0 })
        }
        let (finding, new) = try look("exec:\n  image: \"x\"  # mine\nhttp: {}\n")
        guard case .needed(let words, _) = finding else {
            Issue.record("nothing is proposed")
            return
        }
        #expect(words.contains("threads: 7") && words.contains(EngineSizing.rule))
        #expect(
            new
                == "exec:\n  threads: 7\n  milli_cpus: 7000\n  memory_mib: 27904\n  context: 8192\n  pids_limit: 64\n"
                + "  image: \"x\"  # mine\nhttp: {}\n")
        #expect(try look("").1.hasPrefix("exec:\n  threads: 7\n"))
        guard case .fine = try look(new).0, case .fine = try look("exec:\n  threads: 2\n").0 else {
            Issue.record("what somebody wrote is written over")
            return
        }
        guard case .blocked = try look("exec: {slots: 2}\n").0 else {
            Issue.record("a form that is not known is rewritten")
            return
        }
        var exec = ExecSection()
        #expect(MachineChecks.share(exec, of: machine).result == .warned)
        (exec.threads, exec.milliCPUs, exec.memoryMiB) = (7, 7_000, 27_904)
        #expect(MachineChecks.share(exec, of: machine).result == .ok)
    }

    @Test func whatEnginesComputeWithIsSaidAsItIs() {
        var inventory = ExecInterface.Inventory.example.reply
        #expect(Examination.computing(inventory).result == .ok)
        let gpu = ExecInterface.Device(kind: "nvidia", name: "NVIDIA H200", memoryMiB: 143_771)
        inventory.devices.insert(gpu, at: 0)
        let idle = Examination.computing(inventory)
        #expect(idle.result == .warned && idle.reason.contains("NVIDIA H200") && idle.reason.contains("cpu"))
        inventory.engineDevices = [gpu]
        #expect(Examination.computing(inventory).result == .ok)
        inventory.image = nil
        #expect(Examination.computing(inventory).result == .skipped)
    }

    @Test func aModelThatCannotRunIsSaidWhenItIsAdded() {
        let inventory = ExecInterface.Inventory.example.reply
        var entry = ContentInterface.List.example.reply.entries[0]
        #expect(Content.Add.warning(of: entry, on: inventory) == nil)
        entry.size = 4 << 30
        let warning = Content.Add.warning(of: entry, on: inventory)
        #expect(
            warning?.reason.contains("768 MiB") == true && warning?.fix?.contains("exec.memory_mib") == true)
        entry.format = "safetensors"
        #expect(Content.Add.warning(of: entry, on: inventory)?.reason.contains("GGUF") == true)
    }

    @Test func aNewKeyFitsItsEntry() {
        let (made, other) = (Config.NewKey.make(), Config.NewKey.make())
        #expect(made.key != other.key && made.entry == "sha256:" + Digest(hashing: made.key).hex)
        #expect(HTTPSection.keyHash(made.entry) != nil)
    }
}
