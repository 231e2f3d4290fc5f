// Whether others reach this node, from what those got who dialled it back. Pure.
// It must never take one who could not be asked for one who got no answer.

import Interfaces
import NodeModel
import Nostr

/// The answers of those who were asked to dial back.
struct DialBackView: Sendable {
    private let endpoint: String
    private let reports: [(provider: PublicKey, report: DialBackReport)]
    private let problems: [String]

    /// - Parameter card: the endpoint on this node's card, when ws-d said nothing.
    init(_ reply: WSInterface.DialBack.Reply?, card: String?) {
        endpoint = reply?.endpoint ?? card ?? ""
        reports = (reply?.answers ?? []).compactMap { answer in
            answer.report.map { (answer.provider, $0) }
        }
        problems = (reply?.answers ?? []).compactMap(\.problem)
    }

    /// - Parameters:
    ///   - inbound: nodes that are connected to this one now.
    ///   - listener: where it listens.
    func finding(inbound: Int, listener: String) -> DoctorCheck {
        let connected = inbound > 0 ? "; \(inbound) nodes are connected to \(listener) now" : ""
        if let best = reports.first(where: { $0.report.outcome == .reached }) {
            guard host(best.report.dialled) == announcedHost else {
                return .failed(
                    "reachable", "\(words(best)), but this node announces \(endpoint)\(connected)",
                    fix: "Set peer.advertise to ws://\(best.report.dialled)/peer.")
            }
            return .ok("reachable", words(best) + connected)
        }
        let tried = reports.filter { $0.report.outcome != .notDialled }
        if let first = tried.first {
            let text = tried.map(words).joined(separator: "; ") + connected
            // A node may well leave by another address than it is reached at.
            let isElsewhere = host(first.report.dialled) != announcedHost
            if inbound > 0, isElsewhere { return .skipped("reachable", text) }
            return .failed(
                "reachable", text,
                fix: isElsewhere
                    ? "This node is seen at another address than it announces: set peer.advertise, and let its port through."
                    : "Let the TCP port of peer.advertise through the router and the firewall, to \(listener)."
            )
        }
        let nobody =
            reports.isEmpty
            ? (problems.first.map { "who was asked to dial back did not (\($0))" }
                ?? "nobody could be asked to dial back")
            : "who was asked dials no local addresses"
        if inbound > 0 {
            return .ok("reachable", "\(inbound) nodes are connected to \(listener) now; \(nobody)")
        }
        return .skipped(
            "reachable",
            "\(listener) is listened on, nobody is connected, and \(nobody); try "
                + (endpoint.isEmpty ? "the address under peer.advertise" : endpoint)
                + " from another network")
    }

    private var announcedHost: String? {
        guard endpoint.hasPrefix("ws://"), endpoint.hasSuffix("/peer") else { return nil }
        return host(String(endpoint.dropFirst(5).dropLast(5)))
    }

    private func host(_ address: String) -> String? {
        address.lastIndex(of: ":").map { String(address[..<$0]) }
    }

    private func words(_ answer: (provider: PublicKey, report: DialBackReport)) -> String {
        let what =
            switch answer.report.outcome {
            case .reached: "was answered with this node's key"
            case .noConnection: "got no connection"
            case .noAnswer: "got no answer in time"
            case .noNode: "met something that is no node"
            case .otherKey: "met a node with another key"
            case .notDialled: "does not dial local addresses"
            }
        let who = String(answer.provider.npub.prefix(12))
        return "\(who)… dialled \(TerminalText.clean(answer.report.dialled)) and \(what)"
    }
}
