// What values a configuration may have beyond their kind: ranges, addresses, paths that fit.
// It must never look at the machine: that is `doctor`'s work.

import FoundationEssentials
import NodeModel
import Wire

extension NodeConfiguration {
    /// The configuration of a tree that a person wrote, over the defaults.
    /// - Throws: `ConfigProblem` for the first thing that is wrong.
    public static func resolve(_ written: ConfigTree) throws(ConfigProblem) -> NodeConfiguration {
        let merged: ConfigTree
        do {
            let defaults = try WireCoding.decoder.decode(
                ConfigTree.self, from: try WireCoding.encoder.encode(NodeConfiguration()))
            merged = try defaults.overlaid(with: written)
            let config = try WireCoding.decoder.decode(
                NodeConfiguration.self, from: try WireCoding.encoder.encode(merged))
            if let problem = config.problems().first { throw problem }
            return config
        } catch let problem as ConfigProblem { throw problem } catch let error as DecodingError {
            throw ConfigProblem("the configuration", "cannot be read: \(WireCoding.explain(error))", fix: nil)
        } catch { throw ConfigProblem("the configuration", "cannot be read: \(error)", fix: nil) }
    }

    /// Everything that is wrong with the values.
    public func problems() -> [ConfigProblem] {
        var found: [ConfigProblem] = []
        func check(_ ok: Bool, _ path: String, _ problem: String, _ fix: String? = nil) {
            if !ok { found.append(ConfigProblem(path, problem, fix: fix)) }
        }
        let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
        check(
            levels.contains(log.level), "log.level", "is not a level",
            "One of: \(levels.joined(separator: ", ")).")
        check(node.stateDirectory.hasPrefix("/"), "node.state_dir", "must be an absolute path")
        check(node.runDirectory.hasPrefix("/"), "node.run_dir", "must be an absolute path")
        check(
            node.runDirectory.utf8.count <= 60, "node.run_dir", "is longer than 60 bytes",
            "Sockets lie below it, and a socket's path has at most 107 bytes.")
        for (path, address) in [
            ("http.listen", http.listen), ("peer.listen", peer.listen), ("dht.listen", dht.listen),
            ("dht.listen6", dht.listen6),
        ]
        where !address.isEmpty {
            check(
                HostPort(address) != nil, path, "must be 'host:port' with a numeric host",
                "As 127.0.0.1:8080.")
        }
        for key in http.apiKeys {
            check(
                HTTPSection.keyHash(key) != nil, "http.api_keys",
                "must list 'sha256:' and 64 hexadecimal characters each, never a key itself",
                "'infernetctl config new-key' makes a key and prints what belongs here.")
        }
        check(
            !http.apiKeys.isEmpty || http.listen.isEmpty || HostPort(http.listen)?.isLoopback != false,
            "http.listen", "is not a loopback address, and who reaches it spends this node's money",
            "Set http.api_keys ('infernetctl config new-key' makes a key), or listen on 127.0.0.1 or [::1].")
        // Two networks (BEP 32), each with its own socket, so that none of them is entered unawares.
        check(
            HostPort(dht.listen)?.isV6 != true, "dht.listen", "is for an IPv4 address",
            "Name IPv6 addresses under dht.listen6.")
        check(
            HostPort(dht.listen6)?.isV6 != false, "dht.listen6", "is for an IPv6 address", "As [::]:9200.")
        check(
            ["auto", "true", "false"].contains(dht.readOnly), "dht.read_only",
            "must be auto, true or false")
        for node in dht.bootstrap {
            check(
                HostPort(node) != nil, "dht.bootstrap",
                "must list 'host:port' with numeric hosts, not '\(node)'")
        }
        check(
            peer.advertise.isEmpty
                || (peer.advertise.hasPrefix("ws://") && peer.advertise.hasSuffix("/peer")),
            "peer.advertise", "must be 'ws://host:port/peer'")
        for relay in peer.relays {
            check(
                CarryEndpoint.isAllowedRelay(relay), "peer.relays",
                "must list wss:// addresses, or ws:// on a loopback address, not '\(relay)'")
        }
        check(peer.relays.count <= 16, "peer.relays", "lists more than 16")
        check(
            exec.image.isEmpty || (exec.image.hasPrefix("sha256:") && exec.image.utf8.count == 71),
            "exec.image",
            "must be an image id, 'sha256:' and 64 hexadecimal characters", "'engine/load' prints it.")
        check(
            exec.devices.utf8.count <= 1_000
                && exec.devices.utf8.allSatisfy { (32...126).contains($0) },
            "exec.devices", "is no list of devices",
            "Write auto, none, or names with commas between, as 'GPU-…' or 'renderD128'.")
        for (index, chain) in ledger.chains.enumerated() {
            if let (key, problem) = chain.problem() {
                check(false, "ledger.chains[\(index)].\(key)", problem)
            }
            let twin = ledger.chains[..<index].contains {
                $0.name == chain.name || $0.chainID == chain.chainID
            }
            check(!twin, "ledger.chains[\(index)]", "has the name or number of another entry")
        }
        if let (key, problem) = ledger.lightning.problem() {
            check(false, "ledger.lightning.\(key)", problem)
        }
        for (index, shop) in ledger.shops.enumerated() {
            if let (key, problem) = shop.problem() { check(false, "ledger.shops[\(index)].\(key)", problem) }
            let twin = ledger.shops[..<index].contains { $0.name == shop.name }
            check(!twin, "ledger.shops[\(index)]", "has the name of another entry")
        }
        if let (key, problem) = sale.problem(price: aggregator.price) { check(false, "sale.\(key)", problem) }
        check(
            ledger.facilitator.isEmpty || CarryEndpoint.isAllowed(ledger.facilitator), "ledger.facilitator",
            "must be an https:// URL, or http:// on a loopback address")
        for (path, name) in [("aggregator.price.asset", aggregator.price.asset)]
            + aggregator.pay.map({ ("aggregator.pay", $0) })
        {
            check(
                Asset(rawValue: name).isWellFormed, path, "'\(name)' is not an asset",
                "test:credit, or by CAIP-19 as eip155:137/erc20:0x3c49….")
        }
        for (name, price) in aggregator.prices.sorted(by: { $0.key < $1.key }) {
            let path = "aggregator.prices.\(name)"
            check(
                name == name.lowercased() && (1...64).contains(name.utf8.count), path,
                "is not a model's name", "Names have 1 to 64 bytes, in lower case: 'infernetctl models'.")
            for value in [price.prompt, price.completion] where !(0...1_000_000_000).contains(value) {
                check(false, path, "is \(value), outside 0 to 1000000000")
            }
        }
        for key in aggregator.validators {
            check(
                PublicKey(hex: key) != nil, "aggregator.validators", "'\(key.prefix(80))' is not a key",
                "64 hexadecimal characters, lower case.")
        }
        check(aggregator.validators.count <= 16, "aggregator.validators", "lists more than 16")
        for (path, value, range) in ranges where !range.contains(value) {
            check(false, path, "is \(value), outside \(range.lowerBound) to \(range.upperBound)")
        }
        return found
    }

    private var ranges: [(String, Int64, ClosedRange<Int64>)] {
        [
            ("exec.slots", Int64(exec.slots), 1...256), ("exec.threads", Int64(exec.threads), 1...1024),
            ("exec.context", Int64(exec.context), 128...10_485_760),
            ("exec.memory_mib", Int64(exec.memoryMiB), 64...16_777_216),
            ("exec.milli_cpus", Int64(exec.milliCPUs), 100...1_024_000),
            ("exec.pids_limit", Int64(exec.pidsLimit), 8...65_536),
            ("exec.max_engines", Int64(exec.maxEngines), 1...64),
            ("exec.queue_limit", Int64(exec.queueLimit), 0...100_000),
            ("exec.load_ms", Int64(exec.loadMs), 100...3_600_000),
            ("exec.first_token_ms", Int64(exec.firstTokenMs), 100...3_600_000),
            ("exec.next_token_ms", Int64(exec.nextTokenMs), 100...3_600_000),
            ("http.max_body_bytes", Int64(http.maxBodyBytes), 1024...4_000_000),
            ("http.max_connections", Int64(http.maxConnections), 1...15_000),
            ("http.max_concurrent_requests", Int64(http.maxConcurrentRequests), 1...15_000),
            ("peer.max_sessions", Int64(peer.maxSessions), 1...15_000),
            ("dht.group_limit", Int64(dht.groupLimit), 0...8),
            ("aggregator.price.prompt", aggregator.price.prompt, 0...1_000_000_000),
            ("aggregator.price.completion", aggregator.price.completion, 0...1_000_000_000),
            ("aggregator.price.chunk", Int64(aggregator.price.chunk), 16...16_777_216),
            ("aggregator.max_concurrent", Int64(aggregator.maxConcurrent), 1...10_000),
            ("aggregator.card_lifetime_s", Int64(aggregator.cardLifetimeSeconds), 30...1800),
            ("aggregator.card_interval_s", Int64(aggregator.cardIntervalSeconds), 1...1800),
            ("aggregator.verify.places", Int64(aggregator.verify.places), 8...512),
            ("aggregator.verify.wait_s", Int64(aggregator.verify.waitSeconds), 1...86_400),
            ("ledger.max_per_job", ledger.maxPerJob, 0...Int64.max),
            ("ledger.max_per_day", ledger.maxPerDay, 0...Int64.max),
            ("ledger.max_per_peer", ledger.maxPerPeer, 0...Int64.max),
            ("ledger.channels.max_at_risk", ledger.channels.maxAtRisk, 0...Int64.max),
            ("ledger.channels.claim_at", ledger.channels.claimAt, 1...Int64.max),
            ("ledger.channels.claim_after_s", ledger.channels.claimAfterSeconds, 0...31_536_000),
            (
                "ledger.channels.withdraw_delay_s", ledger.channels.withdrawDelaySeconds, PayTo.delays
            ),
            ("ledger.credit.max_prepaid", ledger.credit.maxPrepaid, 0...1 << 50),
            ("ledger.credit.max_held", ledger.credit.maxHeld, 0...1 << 50),
            ("ledger.credit.least", ledger.credit.least, 1...1 << 50),
            ("ledger.credit.hold_s", ledger.credit.holdSeconds, 60...7_200),
            ("content.headroom_bytes", content.headroomBytes, 0...Int64.max),
        ]
    }
}

/// A numeric host and a port.
public struct HostPort: Sendable, Equatable, CustomStringConvertible {
    /// IPv4 in dots, or IPv6 without brackets.
    public let host: String
    public let port: UInt16

    /// - Returns: nil unless the text is `1.2.3.4:5` or `[::1]:5`.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else {
                return nil
            }
        } else {
            let parts = host.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 4, parts.allSatisfy({ UInt8($0) != nil }) else { return nil }
        }
        self.host = host
        self.port = port
    }

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    public var isV6: Bool { host.contains(":") }

    /// Whether it is reached from this very machine alone.
    public var isLoopback: Bool { host == "::1" || host.hasPrefix("127.") }

    public var description: String { isV6 ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
