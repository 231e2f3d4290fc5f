// Proves that what people see is aligned, complete, and free of other people's control characters.

import Interfaces
import NodeModel
import Testing
import Wire

@testable import CtlCore

@Suite struct ViewTests {
    @Test("columns are aligned by their longest cell, right ones to the right")
    func table() {
        var table = Table([("NAME", .left), ("N", .right), ("REASON", .left)])
        table.add("a", "1", "first")
        table.add("longer", "1000", "second\nline")
        #expect(
            table.lines() == [
                "NAME       N  REASON",
                "a          1  first",
                "longer  1000  second line",
            ])
    }

    @Test("emphasis does not change the columns")
    func painted() {
        var table = Table([("A", .left), ("B", .left)])
        table.add([.init("x", Style(on: true).red), .init("y")])
        #expect(table.lines() == ["A  B", "\u{1B}[31mx\u{1B}[0m  y"])
    }

    private var report: StatusReport {
        let check = ControlInterface.Check(
            name: "docker", ok: false, reason: "no socket", fix: "Start Docker: systemctl start docker")
        return StatusReport(
            status: .init(
                version: "0.1.0", state: .degraded, reason: "exec-d: docker cannot be reached", fix: nil,
                pid: 10,
                mode: "spawned", singleUid: true, isolation: "one uid for all: not root", uptimeMs: 192_000,
                stateDirectory: "/var/lib/infernet", runDirectory: "/run/infernet",
                daemons: [
                    .init(
                        daemon: .ledger, state: .ready, reason: "ready", since: 1_000_000, pid: 42, uid: 990,
                        user: "infernet-ledger", memoryKiB: 8_294,
                        sandbox: .init(inForce: ["own user"], missing: [])),
                    .init(
                        daemon: .exec, state: .degraded, reason: "docker: no socket", fix: nil,
                        since: 1_180_000, pid: 43,
                        uid: 1000, restarts: 2, checks: [check],
                        sandbox: .init(inForce: [], missing: ["own user: not root"])),
                    .init(
                        daemon: .ws, state: .failed, reason: "exit 78: the configuration is wrong",
                        since: 1_190_000),
                ]),
            identity: .init(pubkey: PublicKey(xOnly: Digest(hashing: "k")), npub: "npub1xyz"))
    }

    @Test("a node that is being emptied says so first")
    func drained() {
        var report = report
        report.status.work = .init(state: .drained, running: 0, since: 1, until: 2)
        #expect(StatusView(report, now: 1_200_000).lines()[0].hasPrefix("infernet 0.1.0  drained  "))
        report.status.work?.state = .draining
        #expect(StatusView(report, now: 1_200_000).lines()[0].hasPrefix("infernet 0.1.0  draining  "))
    }

    @Test("the status as it stands on a terminal without colours")
    func status() {
        let expected = """
            infernet 0.1.0  degraded  exec-d: docker cannot be reached

            DAEMON    STATE      SINCE  PID  USER             RESTARTS   MEMORY  SANDBOX  REASON
            ledger-d  ready     3m 20s   42  infernet-ledger         0  8.0 MiB  whole    ready
            exec-d    degraded     20s   43  uid 1000                2        -  in part  docker: no socket
            ws-d      failed       10s    -  -                       0        -  -        exit 78: the configuration is wrong

            node      npub1xyz
            house     pid 10, up 3m 12s, spawned, one uid for all: not root, 8 MiB
            missing   own user: not root
            state in  /var/lib/infernet

            fix  exec-d: Start Docker: systemctl start docker
            """
        #expect(StatusView(report, now: 1_200_000).lines().joined(separator: "\n") == expected)
        #expect(report.exit == .degraded)
    }

    @Test("a ready node ends with 0, whatever else is said")
    func ready() {
        var report = report
        report.status.state = .ready
        #expect(report.exit == .ok)
    }

    @Test("colours only when asked for")
    func colours() {
        let plain = StatusView(report, now: 1_200_000).lines().joined()
        let coloured = StatusView(report, now: 1_200_000).lines(Style(on: true)).joined()
        #expect(!plain.contains("\u{1B}") && coloured.contains("\u{1B}[32mready\u{1B}[0m"))
    }

    @Test("a job's story keeps the whole id, the steps and the fix")
    func job() {
        var reply = AggregatorInterface.Job.example.reply
        reply.record.state = .failed
        reply.record.reason = "the engine was lost\u{1B}[2J"
        reply.record.fix = "try again"
        let lines = JobView.story(reply, .plain)
        #expect(lines[0] == "job_0199d0c2a4b50000000000000000beef  failed  the engine was lost[2J")
        #expect(lines[1] == "fix  try again")
        #expect(lines.contains("tokens    30 prompt, 12 answer"))
        let table = JobView.table([reply.record], .plain).lines()
        #expect(
            table[1].hasPrefix("job_0199d0c2a4b50000000000000000beef  2026-09-21 14:13:20Z  failed  local"))
    }

    @Test("a log line for people")
    func log() {
        let line =
            #"{"ts":"2026-01-01T12:00:01.234Z","level":"warning","daemon":"exec-d","msg":"slow","job":"job_1","note":"a b","ms":7}"#
        #expect(
            LogLine.pretty(line, .plain)
                == "12:00:01.234  WARN   exec-d        slow  job=job_1  ms=7  note=\"a b\"")
    }

    @Test(
        "a line that is no JSON stands as it is, without control characters",
        arguments: [
            "Fatal error: x", "{\"a\":1}", "[1]", "",
        ])
    func otherLog(_ line: String) {
        #expect(LogLine.pretty(line + "\u{07}", .plain) == line)
    }

    @Test("an answer cannot steer the terminal")
    func clean() {
        #expect(TerminalText.clean("a\u{1B}[31mb\u{9B}c\r\n\td\u{202E}") == "a[31mbc\n\td")
        #expect(TerminalText.clean("Grüße 👋🏽") == "Grüße 👋🏽")
    }

    @Test("the progress bar at its ends and without a total")
    func progress() {
        #expect(
            ProgressBar.text(0, of: 100, milliseconds: 0, width: 40)
                == "[····················] 0%  0 B of 100 B"
        )
        #expect(
            ProgressBar.text(100, of: 100, milliseconds: 1000, width: 30).hasSuffix(
                "] 100%  100 B of 100 B  100 B/s"))
        #expect(ProgressBar.text(5, of: 0, milliseconds: 1, width: 200).contains("0%"))
    }

    @Test("the summary of an answer")
    func summary() {
        var reply = AggregatorInterface.Submit.example.reply
        reply.record.timings = StageTimings(generateMs: 240)
        #expect(
            ChatSession.summary(reply)
                == "job_0199d0c2a4b50000000000000000beef · 30+12 tokens · 50.0 tok/s · 0.000054 test:credit · "
                + "by this node · receipt signed")
    }
}
