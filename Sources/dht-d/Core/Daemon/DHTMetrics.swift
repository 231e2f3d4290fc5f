// The node's counters and sizes as Prometheus metrics.
// It must never name a peer or a topic in a label: both are without number.

import DaemonKit

/// Carries a node's counters into the registry; counters there only take what was added.
actor DHTMetrics {
    private let registry: MetricsRegistry
    private var seen: [[String]: Int] = [:]

    init(_ registry: MetricsRegistry) { self.registry = registry }

    /// Takes in how the node stands now.
    func update(_ node: NodeSnapshot, ignoredPackets: Int, unsentPackets: Int) {
        let counters = node.counters
        for (method, value) in counters.queriesIn {
            add("infernet_dht_queries_in_total", value, ["method", method.rawValue], "Queries answered.")
        }
        for (method, value) in counters.queriesOut {
            add("infernet_dht_queries_out_total", value, ["method", method.rawValue], "Queries sent.")
        }
        for (code, value) in counters.errorsOut {
            add(
                "infernet_dht_errors_out_total", value, ["code", String(code)], "Errors sent, by KRPC number."
            )
        }
        add("infernet_dht_replies_in_total", counters.repliesIn, [], "Replies to queries of ours.")
        add("infernet_dht_errors_in_total", counters.errorsIn, [], "Errors in reply to queries of ours.")
        add("infernet_dht_timeouts_total", counters.timeouts, [], "Queries of ours that were never answered.")
        let dropped = [
            ("garbage", counters.garbage), ("unexpected", counters.unexpected),
            ("rate", counters.rateLimited),
            ("large", counters.largeRefused),
            ("family", ignoredPackets),
        ]
        for (reason, value) in dropped {
            add("infernet_dht_dropped_total", value, ["reason", reason], "Packets dropped without a word.")
        }
        add("infernet_dht_bytes_total", counters.bytesIn, ["direction", "in"], "UDP payload.")
        add("infernet_dht_bytes_total", counters.bytesOut, ["direction", "out"], "UDP payload.")
        add("infernet_dht_unsent_total", unsentPackets, [], "Packets that the system would not send.")
        add("infernet_dht_lookups_total", counters.lookupsEnded, [], "Lookups ended.")
        add("infernet_dht_signatures_total", counters.verifications, [], "Signatures checked.")
        add("infernet_dht_cards_taken_total", counters.cardsTaken, [], "Cards stored for others.")
        for standing in TableEntry.Standing.allCases {
            for presence in node.presences {
                registry.gauge(
                    "infernet_dht_nodes", Double(node.count(standing, presence.family)),
                    labels: ["family", presence.family.name, "standing", standing.rawValue],
                    help: "Nodes in the routing table.")
            }
        }
        registry.gauge("infernet_dht_cards", Double(node.storedCards), help: "Cards stored.")
        registry.gauge(
            "infernet_dht_evidence", Double(node.storedEvidence.pieces), help: "Pieces of evidence stored.")
        registry.gauge("infernet_dht_targets", Double(node.storedTargets), help: "Targets that hold a card.")
        registry.gauge(
            "infernet_dht_lookups_running", Double(node.lookupsRunning), help: "Lookups under way.")
    }

    private func add(_ name: String, _ value: Int, _ labels: [String], _ help: String) {
        let key = [name] + labels
        let more = value - seen[key, default: 0]
        seen[key] = value
        registry.count(name, by: Double(max(0, more)), labels: labels, help: help)
    }
}
