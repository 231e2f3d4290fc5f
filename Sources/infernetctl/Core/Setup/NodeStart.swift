// Starts the node under systemd, or lets a running one have a configuration that changed.
// It must never stop a node whose configuration did not change.

import Glibc
import Wire

/// The last step of a setup.
struct NodeStart: Sendable {
    let config: String
    private static let dealer = "infernet-config.service"
    private static let addresses = [
        "infernet-ws-http.socket", "infernet-ws-sale.socket", "infernet-ws-peer.socket",
        "infernet-dht-dht.socket",
    ]

    func look() throws -> SetupStep.Finding {
        let enabled = try Tool.run(["systemctl", "is-enabled", Systemd.target]).isFine
        let active = try Tool.run(["systemctl", "is-active", Systemd.target, Self.dealer]).isFine
        guard enabled, active else {
            return .needed("\(enabled ? "" : "enable and ")start \(Systemd.target)") { try self.start() }
        }
        var info = stat()
        let dealt = try Tool.must(
            [
                "systemctl", "show", "--timestamp=unix", "--value", "--property=ActiveEnterTimestamp",
                Self.dealer,
            ])
        let since = Int64(dealt.filter(\.isNumber)) ?? 0
        guard stat(config, &info) == 0, Int64(info.st_mtim.tv_sec) > since else {
            return .fine("\(Systemd.target) runs with the configuration as it is")
        }
        return .needed("let the node have the configuration that changed") { try self.apply() }
    }

    private func start() throws -> String {
        try Tool.must(["systemctl", "daemon-reload"])
        try Tool.must(["systemctl", "reset-failed", "infernet*"])
        try Tool.must(["systemctl", "enable", "--quiet", Systemd.target])
        try Tool.must(["systemctl", "stop", Systemd.activation])
        try Tool.must(["systemctl", "start", Systemd.target])
        try Tool.must(["systemctl", "start", Self.dealer])
        return "\(Systemd.target) was started"
    }

    private func apply() throws -> String {
        let before = try listening()
        try Tool.must(["systemctl", "daemon-reload"])
        if try listening() != before {
            // A socket moves only while nothing uses it.
            // Each is named: the target alone is down before those that it pulls down, and starting it again at once
            // would spare the dealer, and with it the configuration as it was.
            try Tool.must(["systemctl", "stop", Systemd.target, Self.dealer] + Self.addresses)
            try Tool.must(["systemctl", "start", Systemd.target])
            return "the node was restarted on its new addresses"
        }
        // What needs it is restarted with it; sockets stay, and callers wait in them.
        try Tool.must(["systemctl", "restart", Self.dealer])
        try Tool.must(["systemctl", "start", Systemd.target])
        // Those were queued by the first; this waits for them.
        try Tool.must(["systemctl", "try-restart"] + Role.daemons.map(Systemd.unit))
        return "the daemons were restarted with the new configuration"
    }

    private func listening() throws -> String {
        try Tool.must(["systemctl", "show", "--property=Listen,LoadState"] + Self.addresses)
    }
}
