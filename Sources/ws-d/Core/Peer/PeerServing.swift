// The answering side of a session: a proved peer's requests, carried to aggregator-d, answers carried back.
// It must never serve a method that is not in PeerInterface, nor tell a stranger about this node's insides.

import IPC
import Interfaces
import Logging
import NIOCore
import NIOWebSocket
import NodeConfig
import NodeModel
import Wire

/// Serves one peer on one connection.
// Touched on the one event loop only.
final class PeerServing: PeerDialogue, @unchecked Sendable {  // see above
    private let connection: PeerConnection
    private let hub: PeerHub
    private let peer: PublicKey
    /// Requests that have no reply yet; their tasks follow once they have had to wait for something.
    private var open = Set<UInt64>()
    /// Those of them that are jobs.
    private var jobs = Set<UInt64>()
    /// All else is short: accepting receipts must not wait for jobs, nor jobs for it.
    private static let maximumOthers = 16
    private var running: [UInt64: Task<Void, Never>] = [:]

    init(_ connection: PeerConnection, peer: PublicKey) {
        self.connection = connection
        hub = connection.hub
        self.peer = peer
    }

    var isBusy: Bool { !open.isEmpty }

    func lost(_ error: WireError) {
        for task in running.values { task.cancel() }
        running = [:]
    }

    func take(_ message: UnsafeRawBufferPointer) {
        do throws(WireError) {
            let envelope = try Envelope.scan(message)
            let body = UnsafeRawBufferPointer(rebasing: message[envelope.body])
            switch envelope.kind {
            case .request:
                do { try dispatch(envelope, body) } catch {
                    reply(WireError.wrapping(error), to: envelope.id)
                }
            case .notification where envelope.method == "cancel": cancel(body)
            case .notification: return
            case .result, .error, .event:
                throw WireError(.invalidEnvelope, "The dialling side sends requests.")
            }
        } catch {
            hub.metrics.refused("peer_garbage")
            connection.fail(error, .protocolError)
        }
    }

    private func dispatch(_ envelope: Envelope, _ body: UnsafeRawBufferPointer) throws {
        guard let spec = PeerInterface.methods.first(where: { $0.name == envelope.method }) else {
            hub.metrics.refused("peer_unknown_method")
            throw WireError(.unknownMethod, "There is no method '\(envelope.method)' between nodes.")
        }
        guard body.count <= spec.maxRequestBytes else {
            throw WireError(.tooLarge, "'\(spec.name)' takes \(spec.maxRequestBytes) bytes.")
        }
        // What is under way is paid to its end.
        guard !hub.isDraining || spec.name == PeerInterface.TopUp.spec.name else {
            throw WireError(.draining, "This node is stopping and takes no new work.", retryAfterMs: 5_000)
        }
        guard !open.contains(envelope.id) else {
            throw WireError(.invalidEnvelope, "Request id \(envelope.id) is under way already.")
        }
        let isJob = spec.name == PeerInterface.RunJob.spec.name
        guard isJob ? jobs.count < hub.limits.maxJobsPerPeer : open.count - jobs.count < Self.maximumOthers
        else {
            hub.metrics.refused("peer_concurrency")
            let many = isJob ? "\(jobs.count) jobs" : "\(Self.maximumOthers) requests"
            throw WireError(.tooManyRequests, "\(many) of this session are under way.", retryAfterMs: 1_000)
        }
        let patience = Int(min(envelope.deadlineMs ?? .max, UInt64(spec.deadlineMs)))
        let peer = peer
        let hub = hub
        switch spec.name {
        case PeerInterface.RunJob.spec.name:
            let job = try PeerInterface.RunJob.read(body)
            start(envelope.id, spec) { [self] in
                let reply = try await hub.aggregator.stream(
                    AggregatorInterface.Serve(peer: peer, job: job), trace: job.job.text, deadlineMs: patience
                ) { event in try await relay(event, of: envelope.id) }
                return try Self.frame { try Message.result(&$0, id: envelope.id, reply) }
            }
        case PeerInterface.Refund.spec.name:
            let refund = try PeerInterface.Refund.read(body)
            start(envelope.id, spec) {
                let reply = try await hub.aggregator.call(
                    AggregatorInterface.Refund(peer: peer, refund: refund), deadlineMs: patience)
                return try Self.frame { try Message.result(&$0, id: envelope.id, reply) }
            }
        case PeerInterface.Credit.spec.name:
            let request = try PeerInterface.Credit.read(body).request
            start(envelope.id, spec) {
                let answer = try await hub.aggregator.call(
                    AggregatorInterface.Credit(peer: peer, request: request), deadlineMs: patience)
                return try Self.frame { try Message.result(&$0, id: envelope.id, answer) }
            }
        case PeerInterface.Quote.spec.name:
            let quote = try PeerInterface.Quote.read(body)
            start(envelope.id, spec) {
                let reply = try await hub.aggregator.call(
                    AggregatorInterface.Quote(peer: peer, quote: quote), trace: quote.terms.job.text,
                    deadlineMs: patience)
                return try Self.frame { try Message.result(&$0, id: envelope.id, reply) }
            }
        case PeerInterface.TopUp.spec.name:
            let topUp = try PeerInterface.TopUp.read(body)
            start(envelope.id, spec) {
                let done = try await hub.aggregator.call(
                    AggregatorInterface.TopUp(peer: peer, topUp: topUp), trace: topUp.job.text,
                    deadlineMs: patience)
                return try Self.frame { try Message.result(&$0, id: envelope.id, done) }
            }
        case PeerInterface.DialBack.spec.name:
            let request = try PeerInterface.DialBack.read(body)
            let observed = connection.remoteAddress
            start(envelope.id, spec) {
                let report = try await hub.dialBacks.serve(request, peer, at: observed, hub)
                return try Self.frame { try Message.result(&$0, id: envelope.id, report) }
            }
        default:
            let bundle = try PeerInterface.DeliverAcceptance.read(body).bundle
            start(envelope.id, spec) {
                let done = try await hub.aggregator.call(
                    AggregatorInterface.Accepted(peer: peer, bundle: bundle), deadlineMs: patience)
                return try Self.frame { try Message.result(&$0, id: envelope.id, done) }
            }
        }
    }

    private func start(
        _ id: UInt64, _ spec: MethodSpec, _ work: @escaping @Sendable () async throws -> ArraySlice<UInt8>
    ) {
        open.insert(id)
        if spec.name == PeerInterface.RunJob.spec.name { jobs.insert(id) }
        let began = NIODeadline.now()
        let task = Task.immediate(executorPreference: hub.executor) { [self] in
            var code: ErrorCode?
            do { connection.send(try await work()) } catch {
                let wire = WireError.wrapping(error)
                code = wire.code
                reply(wire, to: id)
            }
            running[id] = nil
            open.remove(id)
            jobs.remove(id)
            hub.metrics.peerRequest(spec.name, code: code, since: began)
        }
        if open.contains(id) { running[id] = task }
    }

    private func relay(_ event: PeerInterface.RunJob.Event, of id: UInt64) async throws {
        connection.send(try Self.frame { try Message.event(&$0, id: id, event) })
        try await connection.waitUntilWritable()
    }

    private func cancel(_ body: UnsafeRawBufferPointer) {
        var target: UInt64?
        var scanner = JSONScanner(body)
        try? scanner.object { (s, key) throws(JSONFault) in
            if s.matches(key, "id") { target = try s.unsigned() } else { _ = try s.skip() }
        }
        if let target { running[target]?.cancel() }
    }

    private func reply(_ error: WireError, to id: UInt64) {
        var writer = JSONWriter()
        Message.error(&writer, id: id, Self.forStranger(error))
        connection.send(writer.bytes[4...])
    }

    /// A WebSocket frame delimits by itself: the four bytes of length stay at home.
    private static func frame(_ write: (inout JSONWriter) throws -> Void) throws -> ArraySlice<UInt8> {
        var writer = JSONWriter()
        try write(&writer)
        return writer.bytes[4...]
    }

    /// What another node may know of an error: no paths, no causes, no advice that is for this node's owner.
    static func forStranger(_ error: WireError) -> WireError {
        switch error.code {
        case .internalError, .unavailable, .upstreamLost, .corrupt, .diskFull, .notPermitted:
            WireError(
                error.code == .notPermitted ? .notPermitted : .unavailable,
                "The provider cannot do this at the moment.", retryAfterMs: error.retryAfterMs)
        case .paymentRequired:
            // What is required is meant for the other node: x402's own header.
            WireError(error.code, error.message, cause: error.cause)
        default: WireError(error.code, error.message, retryAfterMs: error.retryAfterMs)
        }
    }
}
