// Proves the parent with real children: order, restart after kill -9, honest states, clean end, logs and metrics.

import Glibc
import IPC
import Interfaces
import NodeConfig
import NodeSystem
import Policy
import Synchronization
import Testing
import Wire

@testable import SupervisorCore

@Suite(.serialized) struct SupervisorShellTests {
    @Test func startsAllAndStopsAll() async throws {
        let node = try await TestNode()
        #expect(await node.waits { $0.state == .ready })
        let status = await node.supervisor.status()
        #expect(status.reason == "all daemons are ready" && status.singleUid && status.daemons.count == 6)
        #expect(await node.status(of: .ws)?.reason == "sockets: http")
        #expect(await node.status(of: .content)?.reason == "sockets: handoff")
        for daemon in status.daemons {
            let pid = try #require(daemon.pid)
            let identity = try ProcessIdentity.of(pid: pid)
            #expect(identity.noNewPrivileges && identity.effectiveCapabilities == 0)
            #expect(daemon.memoryKiB ?? 0 > 100 && daemon.watchdogAgeMs != nil)
        }
        let pids = status.daemons.compactMap(\.pid)
        await node.stop()
        #expect(await node.supervisor.status().daemons.allSatisfy { $0.state == .down })
        for pid in pids { #expect(kill(pid, 0) != 0) }
        #expect(await node.supervisor.deaths.deaths.isEmpty, "an orderly end is no death")
    }

    @Test func killedOnesAreBackAtOnceAndTheDeathIsTold() async throws {
        let node = try await TestNode()
        #expect(await node.waits { $0.state == .ready })
        for role in ServiceTable.rows.map(\.role) {
            let before = try #require(await node.status(of: role))
            let pid = try #require(before.pid)
            let started = ContinuousClock.now
            kill(pid, SIGKILL)
            #expect(
                await node.waits { status in
                    status.daemons.contains { $0.daemon == role && $0.state == .ready && $0.pid != pid }
                })
            let took = ContinuousClock.now - started
            #expect(took < .seconds(5), "\(role.rawValue) took \(took)")
            let after = try #require(await node.status(of: role))
            #expect(after.restarts == 1)
            let death = try #require(after.lastDeath)
            #expect(death.signal == "SIGKILL" && death.pid == pid && death.exitCode == nil)
            #expect(death.lastLines.contains { $0.contains("plain words of \(role.rawValue)") })
        }
        await node.stop()
        DeathBook.flush()
        #expect(DeathBook(path: node.folders.own + "/deaths.json").deaths.count == 6)
    }

    @Test func aPermanentExitDegradesTheNodeAndSaysWhatToDo() async throws {
        let node = try await TestNode(modes: [.dht: "config"])
        #expect(await node.waits { $0.state == .degraded })
        let dht = try #require(await node.status(of: .dht))
        #expect(dht.state == .failed && dht.fix?.contains("infernetctl restart dht-d") == true)
        let status = await node.supervisor.status()
        #expect(status.reason.hasPrefix("dht-d is failed: exit code 78") && status.fix == dht.fix)
        #expect(status.daemons.filter { $0.state == .ready }.count == 5)
        unlink(node.folders.state(of: .dht) + "/mode")
        _ = try await node.hand().call(SupervisorInterface.Restart(daemon: .dht))
        #expect(await node.status(of: .dht)?.state == .ready)
        await node.stop()
    }

    @Test func sickAndMuteOnesAreShownAndTheOthersServe() async throws {
        let node = try await TestNode(modes: [.exec: "sick", .ledger: "mute"])
        #expect(await node.waits { $0.daemons.contains { $0.daemon == .ws && $0.state == .ready } })
        #expect(
            await node.waits { status in
                status.daemons.contains {
                    $0.daemon == .exec && $0.state == .degraded && $0.reason == "test: is sick"
                        && $0.fix == "heal it"
                }
            })
        #expect(await node.status(of: .ledger)?.state == .starting)
        await node.stop()
    }

    @Test func aHungOneIsReplaced() async throws {
        let node = try await TestNode(modes: [.aggregator: "hang"])
        #expect(
            await node.waits { $0.daemons.contains { $0.daemon == .aggregator && $0.state == .degraded } })
        unlink(node.folders.state(of: .aggregator) + "/mode")
        #expect(await node.waits(.seconds(30)) { $0.daemons.contains { $0.lastDeath != nil } })
        let death = try #require(await node.status(of: .aggregator)?.lastDeath)
        #expect(death.reason.hasPrefix("did not answer control.health for"))
        #expect(await node.waits { $0.state == .ready })
        await node.stop()
    }

    @Test func oneThatIgnoresTheRequestToStopIsKilled() async throws {
        let node = try await TestNode(modes: [.ws: "stubborn"])
        #expect(await node.waits { $0.state == .ready })
        await node.stop()
        #expect(await node.supervisor.deaths.last(of: .ws)?.reason.hasPrefix("did not stop within") == true)
    }

    @Test func aTakenPortIsGivenBackByARestartWhenItIsFree() async throws {
        let holder = try TCPListener.bind(host: "127.0.0.1", port: 0)
        let port = try InternetSocket.localAddress(of: holder).port
        let node = try await TestNode { $0.http.listen = "127.0.0.1:\(port)" }
        #expect(await node.waits { $0.state == .degraded })
        let ws = try #require(await node.status(of: .ws))
        #expect(ws.reason.contains("TCP port \(port) on 127.0.0.1 is taken") && ws.fix != nil)
        close(holder)
        #expect(await node.waits { $0.state == .ready })
        #expect(await node.status(of: .ws)?.reason == "sockets: http")
        #expect(await node.status(of: .ws)?.restarts == 0)
        await node.stop()
    }

    @Test func peopleReadStatusLogsAndMetricsOverTheSocket() async throws {
        let node = try await TestNode()
        #expect(await node.waits { $0.state == .ready })
        let hand = node.hand()
        #expect(try await hand.call(SupervisorInterface.Health()).state == .ready)
        #expect(try await hand.call(SupervisorInterface.Status()).daemons.count == 6)
        #expect(try await hand.call(SupervisorInterface.ShowConfig()).text.contains(node.folders.run))
        let metrics = try await hand.call(SupervisorInterface.Metrics()).text
        #expect(metrics.contains(#"infernet_daemon_up{daemon="exec-d"} 1"#))
        #expect(metrics.contains(#"work_total{daemon="ledger-d"} 5"#))

        let lines = Mutex<[String]>([])
        _ = try await hand.stream(SupervisorInterface.Logs(job: "job-exec-d")) { event in
            lines.withLock { $0.append(event.line) }
        }
        #expect(lines.withLock { $0 } == [#"{"daemon":"exec-d","job":"job-exec-d","msg":"json words"}"#])

        let before = try #require(await node.status(of: .content)?.pid)
        _ = try await hand.call(SupervisorInterface.Restart(daemon: .content))
        let after = try #require(await node.status(of: .content))
        #expect(after.state == .ready && after.pid != before && after.restarts == 0)
        await #expect(throws: WireError(.notFound, "")) {
            try await hand.call(SupervisorInterface.Restart(daemon: .supervisor))
        }
        _ = try await hand.call(SupervisorInterface.Shutdown())
        #expect(await node.waits { $0.daemons.allSatisfy { $0.state == .down } })
        await node.stop()
    }

    @Test func callersOfADeadDaemonQueueInsteadOfFailing() async throws {
        let node = try await TestNode(modes: [.ledger: "config"])
        #expect(await node.waits { $0.daemons.contains { $0.daemon == .ledger && $0.state == .failed } })
        let path = node.folders.sockets(of: .ledger) + "/infernet-supervisor.sock"
        close(try UnixSocket.connect(to: path))
        await node.stop()
    }
}
