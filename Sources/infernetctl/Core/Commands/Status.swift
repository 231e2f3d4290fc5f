// `infernetctl status`: the whole node at a glance.
// It must never call a node ready that says otherwise.

import ArgumentParser
import Interfaces
import Wire

/// What the status is made of; parts that did not answer are absent.
struct StatusReport: Codable, Sendable {
    var status: SupervisorInterface.Status.Reply
    var identity: LedgerInterface.Identity.Reply?
    var inventory: ExecInterface.Inventory.Reply?
    var network: DHTInterface.Stats.Reply?
    var sessions: WSInterface.Sessions.Reply?
    var content: ContentInterface.List.Reply?

    /// The exit code that goes with it.
    var exit: ExitStatus { status.state == .ready ? .ok : .degraded }
}

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the state of the node and of each daemon.",
        discussion: "Exit code: 0 when the node is ready, 3 when it is degraded, 4 when it is not running.")

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Show it again every second until Ctrl-C.")
    var watch = false

    func run() async throws {
        let node = global.node
        let output = global.output
        guard watch else {
            let report = try await Self.gather(node)
            global.json ? output.json(report) : StatusView(report).lines(output.style).forEach(output.line)
            throw report.exit
        }
        while true {
            do {
                let report = try await Self.gather(node)
                if global.json {
                    output.json(report)
                } else {
                    let text = StatusView(report).lines(output.style).joined(separator: "\n")
                    output.raw((output.isTerminal ? "\u{1B}[H\u{1B}[2J" : "") + text + "\n")
                }
            } catch {
                // A node that is restarting is worth watching too.
                guard let failure = Failure(error) else { throw error }
                let text = global.json ? failure.json() : failure.text(output.style)
                output.raw((output.isTerminal && !global.json ? "\u{1B}[H\u{1B}[2J" : "") + text + "\n")
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    static func gather(_ node: Node) async throws -> StatusReport {
        async let identity = node.quick(LedgerInterface.Identity(), at: .ledger)
        async let inventory = node.quick(ExecInterface.Inventory(), at: .exec)
        async let network = node.quick(DHTInterface.Stats(), at: .dht)
        async let sessions = node.quick(WSInterface.Sessions(), at: .ws)
        async let content = node.quick(ContentInterface.List(), at: .content)
        var status = try await node.call(SupervisorInterface.Status(), at: .supervisor)
        if status.mode == "systemd" {
            let told = status
            status = try await Reading.offLoop { Systemd.complete(told) }
        }
        return StatusReport(
            status: status, identity: await identity, inventory: await inventory, network: await network,
            sessions: await sessions, content: await content)
    }
}
