// Runs a `DHTNode` on real UDP sockets: feeds it packets and time, and carries out what it wants.
// It must never touch the node from another thread than its event loop, nor decide anything itself.

import Glibc
public import NIOCore
public import NodeModel
import NodeSystem

/// One node on a socket of IPv4, of IPv6, or one of each.
public final class DHTShell: Sendable {
    /// What an operation's caller waits for.
    enum Waiting {
        case find(EventLoopPromise<FindReport>)
        case announce(EventLoopPromise<Result<AnnounceReport, KRPCError>>)
        case mainline(EventLoopPromise<MainlineReport>)
        case probe(EventLoopPromise<[StatusReport]>)
        case evidence(EventLoopPromise<EvidenceReport>)
        case describe(EventLoopPromise<DescriptorEnd>)

        func fail(_ error: any Error) {
            switch self {
            case .find(let promise): promise.fail(error)
            case .announce(let promise): promise.fail(error)
            case .mainline(let promise): promise.fail(error)
            case .probe(let promise): promise.fail(error)
            case .evidence(let promise): promise.fail(error)
            case .describe(let promise): promise.fail(error)
            }
        }
    }

    /// Everything that only the event loop touches.
    private struct State {
        var node: DHTNode
        /// By family.
        var sockets: [DHTSocket?] = [nil, nil]
        var timer: Scheduled<Void>?
        var waiting: [OperationID: Waiting] = [:]
        var operations = 0
        var ignoredPackets = 0
        var unsentPackets = 0
        var isClosed = false
        /// It was closed because somebody here wanted that.
        var hasLeft = false
    }

    /// Has this node's status signed over a challenge, in hexadecimal; nil when that cannot be done.
    public typealias StatusSource = @Sendable (_ challenge: String) async -> SignedEvent?

    let loop: any EventLoop
    private let state: NIOLoopBoundBox<State>
    private let status: StatusSource
    /// Nil for a node that keeps nothing.
    let journal: EvidenceJournal?

    private init(
        _ node: DHTNode, _ loop: any EventLoop, _ status: @escaping StatusSource, _ journal: EvidenceJournal?
    ) {
        self.loop = loop
        self.status = status
        self.journal = journal
        state = NIOLoopBoundBox.makeBoxSendingValue(State(node: node), eventLoop: loop)
    }

    /// Starts a node on bound UDP sockets, one for each family that it is to live in. The shell owns them from then on.
    ///
    /// `seed` is at least 32 unpredictable bytes.
    public static func start(
        sockets: [AddressFamily: Int32], id: NodeID, idV6: NodeID? = nil, configuration: DHTConfiguration,
        seed: [UInt8], loop: any EventLoop, status: @escaping StatusSource = { _ in nil }
    ) async throws -> DHTShell {
        try await start(
            sockets: sockets, id: id, idV6: idV6, configuration: configuration, seed: seed, loop: loop,
            journal: nil, status: status)
    }

    static func start(
        sockets: [AddressFamily: Int32], id: NodeID, idV6: NodeID?, configuration: DHTConfiguration,
        seed: [UInt8], loop: any EventLoop, journal: EvidenceJournal?, status: @escaping StatusSource
    ) async throws -> DHTShell {
        var configuration = configuration
        configuration.families = Set(sockets.keys)
        let node = DHTNode(
            id: id, idV6: idV6, configuration: configuration, random: DHTRandom(seed: seed),
            now: Self.moment())
        let shell = DHTShell(node, loop, status, journal)
        for (family, descriptor) in sockets {
            let channel = try await DHTSocket.open(descriptor, family, for: shell, on: loop)
            try await loop.submit {
                shell.state.value.sockets[family.rawValue] = DHTSocket(descriptor, family, channel)
                channel.closeFuture.assumeIsolated().whenComplete { _ in shell.end() }
            }.get()
        }
        try await loop.submit { shell.feed(.time) }.get()
        return shell
    }

    static func moment() -> Moment {
        var unix = timespec()
        clock_gettime(CLOCK_REALTIME, &unix)
        let ticks = NIODeadline.now().uptimeNanoseconds
        return Moment(milliseconds: Int64(ticks / 1_000_000), unixSeconds: Int64(unix.tv_sec))
    }

    // MARK: on the loop

    func receive(_ packet: [UInt8], from source: Endpoint?) {
        guard let source else {
            state.value.ignoredPackets += 1
            return
        }
        perform(.packet(packet, from: source))
    }

    /// One read brought up to 16 packets; their answers leave together.
    func flush() {
        for family in state.value.sockets.indices {
            state.value.unsentPackets += state.value.sockets[family]?.flush() ?? 0
        }
    }

    private func feed(_ input: NodeInput) {
        perform(input)
        flush()
    }

    private func perform(_ input: NodeInput) {
        guard !state.value.isClosed else { return }
        for action in state.value.node.handle(input, now: Self.moment()) {
            switch action {
            case .send(let bytes, let endpoint):
                let family = endpoint.family.rawValue
                state.value.unsentPackets += state.value.sockets[family]?.add(bytes, to: endpoint) ?? 1
            case .wake(let time): schedule(time)
            case .found(let operation, let report):
                if case .find(let promise)? = state.value.waiting.removeValue(forKey: operation) {
                    promise.succeed(report)
                }
            case .mainline(let operation, let report):
                if case .mainline(let promise)? = state.value.waiting.removeValue(forKey: operation) {
                    promise.succeed(report)
                }
            case .probed(let operation, let reports):
                if case .probe(let promise)? = state.value.waiting.removeValue(forKey: operation) {
                    promise.succeed(reports)
                }
            case .evidence(let operation, let report):
                if case .evidence(let promise)? = state.value.waiting.removeValue(forKey: operation) {
                    promise.succeed(report)
                }
            case .described(let operation, let end):
                if case .describe(let promise)? = state.value.waiting.removeValue(forKey: operation) {
                    promise.succeed(end)
                }
            case .askStatus(let ticket, let challenge): askStatus(ticket, challenge)
            case .kept(let piece): journal?.append(piece)
            case .announced(let operation, let result):
                if case .announce(let promise)? = state.value.waiting.removeValue(forKey: operation) {
                    promise.succeed(result)
                }
            }
        }
    }

    private func askStatus(_ ticket: Int, _ challenge: [UInt8]) {
        Task {
            let event = await status(Hex.encode(challenge))
            self.loop.execute { self.feed(.status(ticket, event)) }
        }
    }

    private func schedule(_ milliseconds: Int64) {
        state.value.timer?.cancel()
        let deadline = NIODeadline.uptimeNanoseconds(UInt64(max(0, milliseconds)) * 1_000_000)
        // One more millisecond, because the core counts whole ones and must not be woken too early.
        state.value.timer = loop.assumeIsolated().scheduleTask(deadline: deadline + .milliseconds(1)) {
            self.feed(.time)
        }
    }

    /// The node as it is; on the loop.
    var node: DHTNode { state.value.node }

    func obey(_ command: NodeCommand) { feed(.command(command)) }

    func begin(_ waiting: Waiting, _ command: (OperationID) -> NodeCommand) {
        guard !state.value.isClosed else {
            return waiting.fail(ChannelError.alreadyClosed)
        }
        state.value.operations += 1
        state.value.waiting[state.value.operations] = waiting
        feed(.command(command(state.value.operations)))
    }

    // MARK: from anywhere

    /// Joins through remembered nodes and bootstrap endpoints.
    public func join(remembered: [NodeContact], bootstrap: [Endpoint]) async throws {
        try await loop.submit {
            if !remembered.isEmpty { self.feed(.command(.remember(remembered))) }
            self.feed(.command(.bootstrap(bootstrap)))
        }.get()
    }

    /// Searches for cards; ends by the core's own deadline.
    public func find(
        _ topic: Topic, limit: Int, filter: ProviderFilter = ProviderFilter()
    ) async throws -> FindReport {
        try await loop.flatSubmit {
            let promise = self.loop.makePromise(of: FindReport.self)
            self.begin(.find(promise)) { .find(topic, limit: limit, filter: filter, $0) }
            return promise.futureResult
        }.get()
    }

    /// Uses Mainline; ends by the core's own deadlines.
    public func mainline(_ wish: MainlineWish) async throws -> MainlineReport {
        try await loop.flatSubmit {
            let promise = self.loop.makePromise(of: MainlineReport.self)
            self.begin(.mainline(promise)) { .mainline(wish, $0) }
            return promise.futureResult
        }.get()
    }

    /// Asks providers how they are; ends by the core's own deadline.
    public func probe(_ targets: [StatusTarget]) async throws -> [StatusReport] {
        try await loop.flatSubmit {
            let promise = self.loop.makePromise(of: [StatusReport].self)
            self.begin(.probe(promise)) { .probe(targets, $0) }
            return promise.futureResult
        }.get()
    }

    /// Asks a provider's own node for its descriptor; ends by the core's own deadlines.
    public func describe(_ target: StatusTarget) async throws -> DescriptorEnd {
        try await loop.flatSubmit {
            let promise = self.loop.makePromise(of: DescriptorEnd.self)
            self.begin(.describe(promise)) { .describe(target, $0) }
            return promise.futureResult
        }.get()
    }

    /// Keeps this node's own descriptor for whoever asks.
    public func keep(descriptor: SignedEvent?) async throws {
        try await loop.submit { self.feed(.command(.keepDescriptor(descriptor))) }.get()
    }

    /// Announces a card; ends by the core's own deadline.
    public func announce(_ event: SignedEvent) async throws -> Result<AnnounceReport, KRPCError> {
        try await loop.flatSubmit {
            let promise = self.loop.makePromise(of: Result<AnnounceReport, KRPCError>.self)
            self.begin(.announce(promise)) { .announce(event, $0) }
            return promise.futureResult
        }.get()
    }

    /// Takes up a card of an earlier run; what became of it is not waited for.
    func restore(_ event: SignedEvent) async throws {
        try await loop.submit {
            self.state.value.operations += 1
            self.feed(.command(.announce(event, self.state.value.operations)))
        }.get()
    }

    /// Stops announcing.
    public func withdraw() async throws { try await loop.submit { self.feed(.command(.withdraw)) }.get() }

    /// How the node looks now, and how many packets were not for it at all, or could not be sent.
    ///
    /// - Throws: when the socket is closed.
    public func snapshot() async throws -> (node: NodeSnapshot, ignoredPackets: Int, unsentPackets: Int) {
        try await loop.submit {
            guard !self.state.value.isClosed else { throw ChannelError.ioOnClosedChannel }
            let state = self.state.value
            return (state.node.snapshot(now: Self.moment()), state.ignoredPackets, state.unsentPackets)
        }.get()
    }

    /// Whether the socket was closed though nobody here wanted that.
    func isCutOff() async -> Bool {
        let cut = try? await loop.submit { self.state.value.isClosed && !self.state.value.hasLeft }.get()
        return cut ?? true
    }

    /// Says goodbye and closes the socket; whoever still waits gets an error.
    public func leave() async {
        await close { self.feed(.command(.leave)) }
    }

    /// Closes the socket without a word, as a crash would.
    func abandon() async { await close {} }

    /// The socket is closed or about to be; whoever waits is told.
    private func end() {
        state.value.isClosed = true
        state.value.timer?.cancel()
        let waiting = state.value.waiting.values
        state.value.waiting = [:]
        for each in waiting { each.fail(ChannelError.ioOnClosedChannel) }
    }

    private func close(_ last: @escaping @Sendable () -> Void) async {
        let closed = loop.flatSubmit { () -> EventLoopFuture<Void> in
            last()
            self.state.value.hasLeft = true
            self.end()
            let channels = self.state.value.sockets.compactMap { $0?.channel }
            return EventLoopFuture.andAllComplete(channels.map { $0.close() }, on: self.loop)
        }
        // A socket that is closed already is what was wanted.
        _ = try? await closed.get()
    }
}
