// Runs a `DHTNode` on a real UDP socket: feeds it packets and time, and carries out what it wants.
// It must never touch the node from another thread than its event loop, nor decide anything itself.

import Glibc
public import NIOCore
import NIOPosix
public import NodeModel

/// One node on one socket.
public final class DHTShell: Sendable {
    /// What an operation's caller waits for.
    private enum Waiting {
        case find(EventLoopPromise<FindReport>)
        case announce(EventLoopPromise<Result<AnnounceReport, KRPCError>>)
        case mainline(EventLoopPromise<MainlineReport>)
        case probe(EventLoopPromise<[StatusReport]>)

        func fail(_ error: any Error) {
            switch self {
            case .find(let promise): promise.fail(error)
            case .announce(let promise): promise.fail(error)
            case .mainline(let promise): promise.fail(error)
            case .probe(let promise): promise.fail(error)
            }
        }
    }

    /// Everything that only the event loop touches.
    private struct State {
        var node: DHTNode
        var channel: (any Channel)?
        var timer: Scheduled<Void>?
        var waiting: [OperationID: Waiting] = [:]
        var operations = 0
        var ignoredPackets = 0
        var isClosed = false
    }

    /// Has this node's status signed over a challenge, in hexadecimal; nil when that cannot be done.
    public typealias StatusSource = @Sendable (_ challenge: String) async -> SignedEvent?

    private let loop: any EventLoop
    private let state: NIOLoopBoundBox<State>
    private let status: StatusSource

    private init(_ node: DHTNode, _ loop: any EventLoop, _ status: @escaping StatusSource) {
        self.loop = loop
        self.status = status
        state = NIOLoopBoundBox.makeBoxSendingValue(State(node: node), eventLoop: loop)
    }

    /// Starts a node on a bound UDP socket, which the shell owns from then on.
    ///
    /// `seed` is at least 32 unpredictable bytes.
    public static func start(
        descriptor: Int32, id: NodeID, configuration: DHTConfiguration, seed: [UInt8], loop: any EventLoop,
        status: @escaping StatusSource = { _ in nil }
    ) async throws -> DHTShell {
        let node = DHTNode(
            id: id, configuration: configuration, random: DHTRandom(seed: seed), now: Self.moment())
        let shell = DHTShell(node, loop, status)
        // One read takes up to 16 packets into one buffer; a longer packet than 2 KiB is none of ours.
        let channel = try await DatagramBootstrap(group: loop)
            .channelOption(.datagramVectorReadMessageCount, value: 16)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 16 * 2048))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(PacketHandler(shell))
                }
            }
            .withBoundSocket(descriptor).get()
        try await loop.submit {
            shell.state.value.channel = channel
            shell.feed(.time)
        }.get()
        return shell
    }

    static func moment() -> Moment {
        var unix = timespec()
        clock_gettime(CLOCK_REALTIME, &unix)
        let ticks = NIODeadline.now().uptimeNanoseconds
        return Moment(milliseconds: Int64(ticks / 1_000_000), unixSeconds: Int64(unix.tv_sec))
    }

    // MARK: on the loop

    fileprivate func receive(_ packet: [UInt8], from source: Endpoint?) {
        guard let source else {
            state.value.ignoredPackets += 1
            return
        }
        feed(.packet(packet, from: source))
    }

    private func feed(_ input: NodeInput) {
        guard !state.value.isClosed else { return }
        for action in state.value.node.handle(input, now: Self.moment()) {
            switch action {
            case .send(let bytes, let endpoint):
                guard let channel = state.value.channel, let address = endpoint.socketAddress else {
                    continue
                }
                let envelope = AddressedEnvelope(remoteAddress: address, data: ByteBuffer(bytes: bytes))
                // A packet that cannot be sent is a packet lost: timeouts deal with it.
                channel.write(envelope, promise: nil)
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
            case .askStatus(let ticket, let challenge): askStatus(ticket, challenge)
            case .announced(let operation, let result):
                if case .announce(let promise)? = state.value.waiting.removeValue(forKey: operation) {
                    promise.succeed(result)
                }
            }
        }
        state.value.channel?.flush()
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

    private func begin(_ waiting: Waiting, _ command: (OperationID) -> NodeCommand) {
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

    /// How the node looks now, and how many packets were not for it at all.
    public func snapshot() async throws -> (node: NodeSnapshot, ignoredPackets: Int) {
        try await loop.submit {
            (self.state.value.node.snapshot(now: Self.moment()), self.state.value.ignoredPackets)
        }.get()
    }

    /// Says goodbye and closes the socket; whoever still waits gets an error.
    public func leave() async {
        await close { self.feed(.command(.leave)) }
    }

    /// Closes the socket without a word, as a crash would.
    func abandon() async { await close {} }

    private func close(_ last: @escaping @Sendable () -> Void) async {
        let closed = loop.flatSubmit { () -> EventLoopFuture<Void> in
            last()
            self.state.value.isClosed = true
            self.state.value.timer?.cancel()
            for waiting in self.state.value.waiting.values {
                waiting.fail(ChannelError.ioOnClosedChannel)
            }
            self.state.value.waiting = [:]
            guard let channel = self.state.value.channel else { return self.loop.makeSucceededVoidFuture() }
            return channel.close()
        }
        // A socket that is closed already is what was wanted.
        _ = try? await closed.get()
    }
}

/// Hands packets from the socket to the shell.
private final class PacketHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let shell: DHTShell

    init(_ shell: DHTShell) { self.shell = shell }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        shell.receive(Array(envelope.data.readableBytesView), from: Endpoint(envelope.remoteAddress))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // ICMP says that some peer is gone; the socket itself is fine.
    }
}
