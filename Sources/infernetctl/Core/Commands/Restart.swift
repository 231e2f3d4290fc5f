// `infernetctl restart`, `stop` and `version`: the hand on the house itself.
// It must never signal a process: the supervisor does what it is asked.

import ArgumentParser
import Glibc
import Interfaces
import Wire

struct Restart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Restarts one daemon.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The daemon, as ws-d.")
    var daemon: DaemonArgument

    func run() async throws {
        let node = global.node
        let role = daemon.role
        var status = await node.quick(SupervisorInterface.Status(), at: .supervisor)
        if let told = status, told.mode == "systemd" {
            status = try await Reading.offLoop { Systemd.complete(told) }
        }
        let runs = status?.daemons.contains { $0.daemon == role && $0.pid != nil } ?? true
        var reply = Done()
        if status?.mode == "systemd", !runs {
            // Nobody is there to be asked to exit, and systemd may have given up on it.
            _ = try await Reading.offLoop {
                // Who ended too often has lost its sockets too; the target wants all of them.
                let name = Systemd.unit(role).split(separator: ".")[0]
                try Tool.must(["systemctl", "reset-failed", "\(name).service", "\(name)-*.socket"])
                // A socket is not bound while what it starts is active; that one runs nothing.
                try Tool.must(["systemctl", "stop", Systemd.activation])
                try Tool.must(["systemctl", "start", Systemd.target])
                return try Tool.must(["systemctl", "restart", Systemd.unit(role)])
            }
        } else {
            reply = try await node.call(SupervisorInterface.Restart(daemon: role), at: .supervisor)
        }
        global.json
            ? global.output.json(reply) : global.output.error("\(daemon.role.rawValue) was restarted.")
    }
}

struct Stop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Drains and stops the node.")

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let node = global.node
        if geteuid() == 0, await node.isSystemd {
            _ = try await Reading.offLoop { try Tool.must(["systemctl", "stop", Systemd.target]) }
            return done(Done())
        }
        let reply = try await node.call(SupervisorInterface.Shutdown(), at: .supervisor)
        // The answer says that it begins; whoever waits for the prompt wants to know that it is done.
        for _ in 0..<150 {
            do {
                _ = try await node.call(SupervisorInterface.Health(), at: .supervisor, deadlineMs: 500)
            } catch is NotRunning { return done(reply) } catch {}
            try await Task.sleep(for: .milliseconds(200))
        }
        throw WireError(
            .deadlineExceeded, "The node is still stopping after 30 seconds.",
            fix: "Look at 'infernetctl status'.")
    }

    private func done(_ reply: Done) {
        global.json ? global.output.json(reply) : global.output.error("The node is stopped.")
    }
}

struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Says which build this is, and which one is running.")

    private struct Document: Encodable {
        var infernetctl: String
        var node: String?
    }

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let status = await global.node.quick(SupervisorInterface.Status(), at: .supervisor)
        if global.json {
            return global.output.json(Document(infernetctl: Build.version, node: status?.version))
        }
        global.output.line("infernetctl \(Build.version)")
        global.output.line(status.map { "node        \($0.version)" } ?? "node        not running")
    }
}
