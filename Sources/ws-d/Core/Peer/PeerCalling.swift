// The asking side of a session: requests to a provider, its events and replies matched to who waits for them.
// It must never leave anybody waiting after the session has died, nor ask again what may have been done.

import IPC
import Interfaces
import Logging
import NIOCore
import NIOWebSocket
import NodeConfig
import NodeModel
import Wire

/// Asks one provider on one connection.
// Touched on the one event loop only.
final class PeerCalling: PeerDialogue, @unchecked Sendable {  // see above
    let provider: PublicKey
    let endpoint: String
    let connection: PeerConnection
    private let hub: PeerHub
    private var waiting: [UInt64: PeerCall] = [:]
    private var nextID: UInt64 = 1
    private var onLost: (() -> Void)?

    /// Unread bytes of all calls at which we stop reading, and start again.
    private static let highWater = 1024 * 1024
    private static let lowWater = 256 * 1024

    init(_ connection: PeerConnection, provider: PublicKey, endpoint: String) {
        self.connection = connection
        self.provider = provider
        self.endpoint = endpoint
        hub = connection.hub
    }

    var isBusy: Bool { !waiting.isEmpty }
    var isOpen: Bool { connection.isOpen }

    func lost(_ error: WireError) {
        let calls = waiting.values
        waiting = [:]
        let told = Self.lost(provider, endpoint, error)
        for call in calls { call.finish(.failure(told)) }
        onLost?()
        onLost = nil
    }

    /// Calls `body` once, when the session is gone.
    func whenLost(_ body: @escaping () -> Void) {
        if isOpen { onLost = body } else { body() }
    }

    /// Hangs up: nothing is wanted of the provider any more.
    func close() { connection.close(.normalClosure) }

    static func lost(_ provider: PublicKey, _ endpoint: String, _ error: WireError) -> WireError {
        WireError(
            .upstreamLost,
            "The provider \(provider.hex.prefix(16))… at \(endpoint) was lost: \(error.message)",
            fix: "Ask again; another provider may be chosen.", cause: error.cause)
    }

    func take(_ message: UnsafeRawBufferPointer) {
        do throws(WireError) {
            let envelope = try Envelope.scan(message)
            let body = message[envelope.body]
            switch envelope.kind {
            case .event:
                waiting[envelope.id]?.add(Array(body))
                if queuedBytes > Self.highWater { connection.pause(true) }
            case .result: waiting.removeValue(forKey: envelope.id)?.finish(.success(Array(body)))
            case .error:
                let error = ErrorBody.read(UnsafeRawBufferPointer(rebasing: body))
                waiting.removeValue(forKey: envelope.id)?.finish(.failure(error))
            case .request: refuse(envelope)
            case .notification: return
            }
        } catch {
            hub.metrics.refused("peer_garbage")
            connection.fail(
                WireError(.upstreamLost, "The provider broke the protocol.", cause: error.message),
                .protocolError)
        }
    }

    /// Only the side that was dialled serves.
    private func refuse(_ envelope: Envelope) {
        var writer = JSONWriter()
        Message.error(
            &writer, id: envelope.id,
            WireError(.notPermitted, "The dialling side of a session serves nothing."))
        connection.send(writer.bytes[4...])
    }

    /// Asks, and gives every event to `onEvent` before the reply is returned.
    func perform<R: Request>(
        _ request: R, trace: String?, deadlineMs: Int, onEvent: @Sendable ([UInt8]) async throws -> Void
    ) async throws -> R.Reply {
        guard isOpen else {
            throw Self.lost(provider, endpoint, WireError(.upstreamLost, "the session is closed"))
        }
        let id = nextID
        nextID += 1
        var writer = JSONWriter(capacity: 1_024)
        try Message.request(
            &writer, id: id, method: R.spec.name, params: request, trace: trace, deadlineMs: deadlineMs)
        let call = PeerCall()
        waiting[id] = call
        let timer = hub.loop.scheduleTask(in: .milliseconds(Int64(deadlineMs))) {
            self.abandon(
                id,
                WireError(
                    .deadlineExceeded,
                    "The provider \(self.provider.hex.prefix(16))… at \(self.endpoint) did not answer in time."
                ))
        }
        defer { timer.cancel() }
        connection.send(writer.bytes[4...])
        return try await withTaskCancellationHandler {
            do {
                while true {
                    switch try await call.next() {
                    case .event(let bytes):
                        try await onEvent(bytes)
                        if queuedBytes < Self.lowWater { connection.pause(false) }
                    case .reply(let bytes): return try Self.decode(bytes)
                    }
                }
            } catch {
                abandon(id, WireError.wrapping(error))
                throw error
            }
        } onCancel: {
            hub.loop.execute { self.abandon(id, WireError(.cancelled, "The request was cancelled.")) }
        }
    }

    private static func decode<R: WireValue>(_ bytes: [UInt8]) throws -> R {
        do { return try R.fromJSON(bytes) } catch {
            throw WireError(
                .providerFailed, "The provider's reply cannot be read.",
                cause: WireError.wrapping(error).message)
        }
    }

    private var queuedBytes: Int { waiting.values.reduce(0) { $0 + $1.queuedBytes } }

    /// Stops waiting for a request, and tells the provider so.
    private func abandon(_ id: UInt64, _ error: WireError) {
        guard let call = waiting.removeValue(forKey: id) else { return }
        call.finish(.failure(error))
        if queuedBytes < Self.lowWater { connection.pause(false) }
        var writer = JSONWriter()
        Message.cancel(&writer, id: id)
        connection.send(writer.bytes[4...])
    }
}
