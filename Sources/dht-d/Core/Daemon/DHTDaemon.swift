// dht-d put together: socket, node, state file, methods, checks.
// Security: it holds no key and opens no socket; all that peers send ends in the core, which believes none of it.

public import DaemonKit
public import IPC
public import Interfaces
import Logging
import NIOCore
public import NodeConfig
import NodeModel
import NodeSystem
public import Wire

/// The daemon that finds providers and lets this node be found.
public final class DHTDaemon: Daemon {
    public static let role = Role.dht

    private let config: DHTSection
    private let log: Logger
    private let keeper: StateKeeper
    private let metrics: DHTMetrics
    private let bootstrap: [Endpoint]
    private let unusable: [String]
    private let startedAt = ContinuousClock.now
    /// Nil when there is no socket.
    let shell: DHTShell?
    /// Where the sockets are bound.
    private let localAddresses: [AddressFamily: String]
    private let stateNote: String?
    /// What the last run left; what it says of a family that has no socket now stays as it is.
    private let remembered: RememberedState

    /// Opens the state file and starts the node on the passed socket, if one was passed.
    public init(_ environment: DaemonEnvironment<DHTSection>) async throws {
        config = environment.config
        log = environment.log
        metrics = DHTMetrics(environment.metrics)
        let file = StateFile(path: environment.stateDirectory + "/dht.state")
        let evidence = EvidenceFile(path: environment.stateDirectory + "/evidence.state")
        let journal = EvidenceJournal(path: environment.stateDirectory + "/evidence.new")
        keeper = StateKeeper(file, evidence, journal, log: environment.log)
        var random = SystemRandomNumberGenerator()
        var remembered = RememberedState(id: NodeID.random(using: &random))
        var note: String?
        do {
            switch try file.read() {
            case .nothing: break
            case .state(let state): remembered = state
            case .damaged(let path):
                note = "the state file was damaged and set aside as \(path); this node has a new id"
            }
        } catch {
            note = "the state file cannot be read (\(error)); this node has a new id"
        }
        var pieces: [[UInt8]] = []
        do {
            if let read = try evidence.read() {
                pieces = read
            } else {
                log.warning(
                    "evidence not restored", metadata: ["reason": "its file was damaged and set aside"])
            }
            pieces += try journal.read()
        } catch { log.warning("evidence not restored", metadata: ["reason": "\(error)"]) }
        if let note { log.warning("state not restored", metadata: ["reason": "\(note)"]) }
        stateNote = note
        self.remembered = remembered
        bootstrap = config.bootstrap.compactMap { Endpoint($0) }
        unusable = config.bootstrap.filter { Endpoint($0) == nil }
        var sockets: [AddressFamily: Int32] = [:]
        for family in AddressFamily.allCases { sockets[family] = environment.sockets[family.label]?.first }
        localAddresses = sockets.compactMapValues { descriptor in
            (try? InternetSocket.localAddress(of: descriptor)).map {
                HostPort(host: $0.host, port: $0.port).description
            }
        }
        guard !sockets.isEmpty else {
            shell = nil
            return
        }
        var configuration = DHTConfiguration()
        configuration.groups.perBucket = config.groupLimit == 0 ? nil : config.groupLimit
        if config.groupLimit == 0 { configuration.groups.perTarget = nil }
        configuration.readOnly = DHTConfiguration.ReadOnly(config.readOnly)
        shell = try await DHTShell.start(
            sockets: sockets, id: remembered.id, idV6: remembered.idV6, configuration: configuration,
            seed: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }, loop: environment.loop,
            journal: journal, status: StatusRoutes.source(environment.link(to: .aggregator), environment.log))
        await keeper.save(remembered)
        try await shell?.join(remembered: remembered.nodes, bootstrap: bootstrap)
        for card in remembered.cards { try await shell?.restore(card.event) }
        if let descriptor = remembered.descriptor { try await shell?.keep(descriptor: descriptor.event) }
        try await shell?.restore(evidence: pieces)
    }

    /// Why there is no socket of a family that was asked for, or none at all.
    private func absence(_ family: AddressFamily? = nil) -> WireError {
        if config.listen.isEmpty, config.listen6.isEmpty {
            return WireError(
                .unavailable, "The DHT is switched off: dht.listen and dht.listen6 are empty.",
                fix: "Set dht.listen to 'host:port' and restart the node.")
        }
        let isSix = family == .v6 || (family == nil && config.listen.isEmpty)
        let (key, address) = isSix ? ("dht.listen6", config.listen6) : ("dht.listen", config.listen)
        return WireError(
            .unavailable, "The DHT has no socket: \(address) could not be bound.",
            fix: "Free the UDP port or set \(key) to another one, and restart the node.")
    }

    private func running() throws -> DHTShell {
        guard let shell else { throw absence() }
        return shell
    }

    public func routes(_ router: inout Router) {
        router.on(DHTInterface.Announce.self) { request, _ in try await self.announce(request) }
        router.on(DHTInterface.Withdraw.self) { _, _ in
            try await self.running().withdraw()
            await self.persist()
            return Done()
        }
        FindRoute { try self.running() }.add(to: &router)
        router.on(DHTInterface.Stats.self) { _, _ in try await self.stats() }
        StatusRoutes { try self.running() }.add(to: &router)
        // A word of this node's own people is on the disk before they hear that it is given.
        EvidenceRoutes(shell: { try self.running() }, saved: { await self.persistEvidence() }).add(
            to: &router)
        MainlineRoutes { try self.running() }.add(to: &router)
    }

    private func announce(_ request: DHTInterface.Announce) async throws -> DHTInterface.Announce.Reply {
        let report: AnnounceReport
        if let descriptor = request.descriptor {
            guard descriptor.pubkey == request.card.pubkey, (try? descriptor.verify()) != nil,
                (try? ProviderDescriptor(unproven: descriptor)) != nil
            else {
                throw WireError(
                    .verificationFailed, "The descriptor is not one that the card's author signed.")
            }
            try await running().keep(descriptor: descriptor)
        }
        switch try await running().announce(request.card) {
        case .failure(let error): throw Self.wireError(error)
        case .success(let done): report = done
        }
        await persist()
        var refusals = report.refusals.map { "\($0.error.code.rawValue) \($0.error.message): \($0.count)" }
        if report.unanswered > 0 { refusals.append("no answer: \(report.unanswered)") }
        return DHTInterface.Announce.Reply(
            stored: report.stored + report.topics.count, topics: report.topics.map(\.topic.description),
            refusals: refusals)
    }

    private static func wireError(_ error: KRPCError) -> WireError {
        switch error.code {
        case .tooBig:
            WireError(
                .tooLarge, "The card is too large for the network: \(error.message).",
                fix: "Offer fewer models, or give them shorter names.")
        case .badSignature: WireError(.verificationFailed, "The card's signature is not valid.")
        case .outdated:
            WireError(
                .conflict, "This node already announces a newer card of the same provider.",
                fix: "Make the card anew, with the present time.")
        default: WireError(.invalidRequest, "The network would refuse this card: \(error.message).")
        }
    }

    private func stats() async throws -> DHTInterface.Stats.Reply {
        let (node, ignored, _) = try await running().snapshot()
        let counters = node.counters
        func presence(_ family: AddressFamily) -> (id: String, address: String?)? {
            node.presences.first { $0.family == family }.map {
                ($0.id.description, $0.observed?.description ?? localAddresses[family])
            }
        }
        let (four, six) = (presence(.v4), presence(.v6))
        return DHTInterface.Stats.Reply(
            id: (four ?? six)?.id ?? "", address: (four ?? six)?.address,
            id6: six?.id, address6: six?.address, goodPeers: node.count(.good),
            goodPeers6: six == nil ? nil : node.count(.good, .v6),
            peers: node.peers.prefix(200).map { peer in
                DHTInterface.Stats.Peer(
                    id: peer.contact.id.description, address: peer.contact.endpoint.description,
                    good: peer.standing == .good, rttMs: peer.roundTrip.map(Int.init))
            },
            storedCards: node.storedCards, storedTargets: node.storedTargets, storedPeers: node.storedPeers,
            readOnly: node.presences.contains(where: \.readOnly),
            reach: node.presences.words(config.readOnly),
            announced: !node.announced.isEmpty, holders: node.holders,
            entrances: node.entrances.map { .init(address: $0.endpoint.description, reached: $0.reached) },
            traffic: DHTInterface.Stats.Traffic(
                queriesIn: counters.queriesIn.values.reduce(0, +),
                queriesOut: counters.queriesOut.values.reduce(0, +), timeouts: counters.timeouts,
                dropped: counters.garbage + counters.unexpected + counters.rateLimited + ignored,
                bytesIn: counters.bytesIn, bytesOut: counters.bytesOut, lookups: counters.lookupsEnded),
            reason: peerCheck(node).reason)
    }

    // MARK: health

    public func checks() async -> [ControlInterface.Check] {
        var checks: [ControlInterface.Check] = []
        guard let shell else {
            let (error, isOff) = (absence(), config.listen.isEmpty && config.listen6.isEmpty)
            return [.init(name: "socket", ok: isOff, reason: error.message, fix: error.fix)]
        }
        guard let node = try? await shell.snapshot().node else {
            return [
                .init(
                    name: "socket", ok: false, reason: "the socket is closed", fix: "Restart the node.")
            ]
        }
        checks.append(socketCheck())
        checks.append(peerCheck(node))
        if let problem = await keeper.problem {
            checks.append(
                .init(
                    name: "state", ok: false, reason: "what this node knows cannot be saved: \(problem)",
                    fix: "Free disk space, and let dht-d's user write its state directory."))
        } else {
            checks.append(.init(name: "state", ok: true, reason: stateNote ?? "saved"))
        }
        return checks
    }

    /// Whether every socket that is configured is there.
    private func socketCheck() -> ControlInterface.Check {
        for (family, listen) in [(AddressFamily.v4, config.listen), (.v6, config.listen6)]
        where !listen.isEmpty && localAddresses[family] == nil {
            let error = absence(family)
            return .init(name: "socket", ok: false, reason: error.message, fix: error.fix)
        }
        let places = AddressFamily.allCases.compactMap { localAddresses[$0] }
        return .init(name: "socket", ok: true, reason: "listening on \(places.joined(separator: " and "))")
    }

    /// Whether this node has company. A node without bootstrap nodes may well be the first one; a node with
    /// some gets ten seconds to reach one.
    private func peerCheck(_ node: NodeSnapshot) -> ControlInterface.Check {
        let good = node.count(.good)
        if good > 0 {
            return .init(name: "peers", ok: true, reason: "\(good) good peer\(good == 1 ? "" : "s")")
        }
        let silent = node.entrances.filter { !$0.reached }.map(\.endpoint.description) + unusable
        if silent.isEmpty {
            return .init(
                name: "peers", ok: true,
                reason: "no other node is known, and none is named under dht.bootstrap")
        }
        let young = ContinuousClock.now - startedAt < .seconds(10)
        return .init(
            name: "peers", ok: young,
            reason: young
                ? "joining through \(silent.joined(separator: ", "))"
                : "no other node is known; \(silent.joined(separator: ", ")) did not answer",
            fix: young ? nil : "Start those nodes, or name others under dht.bootstrap (numeric hosts).")
    }

    // MARK: life

    public func run() async throws {
        var round = 0
        while !Task.isCancelled {
            try await Task.sleep(for: .seconds(5))
            guard let shell else { continue }
            guard let now = try? await shell.snapshot() else {
                // Without its socket this process is of no use; the next one is given the same.
                guard await shell.isCutOff() else { continue }
                throw WireError(.unavailable, "The DHT's socket was closed.", fix: "Restart the node.")
            }
            await metrics.update(
                now.node, ignoredPackets: now.ignoredPackets, unsentPackets: now.unsentPackets)
            // Soon after the start, then once a minute: losing a minute's acquaintances costs nothing.
            if round == 1 || round.isMultiple(of: 12) { await persist() }
            if await keeper.isEvidenceDue { await persistEvidence() }
            round += 1
        }
    }

    public func drain() async {
        guard let shell else { return }
        await persist()
        await persistEvidence()
        await shell.leave()
    }

    private func persistEvidence() async {
        guard let held = await shell?.evidence(since: keeper.evidenceRevision) else { return }
        await keeper.save(held.pieces, revision: held.revision)
    }

    private func persist() async {
        guard let shell, let node = try? await shell.snapshot().node else { return }
        var state = remembered
        for presence in node.presences {
            let peers = node.peers.filter { $0.contact.endpoint.family == presence.family }
            let known = peers.filter { $0.standing != .bad }
            // When everybody is gone at present, the nodes of better days are worth more than none.
            state.replace(
                presence.family, id: presence.id, nodes: (known.isEmpty ? peers : known).map(\.contact))
        }
        state.cards = node.announced.compactMap { CardRecord($0) }
        state.descriptor = node.descriptor.flatMap { CardRecord($0) }
        await keeper.save(state)
    }
}

extension AddressFamily {
    /// The name of the socket that is handed over for it.
    fileprivate var label: String { self == .v4 ? "dht" : "dht6" }
}
