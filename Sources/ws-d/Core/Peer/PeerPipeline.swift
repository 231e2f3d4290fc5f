// The handlers behind a WebSocket upgrade, the same on both sides.
// It must never let a message grow by small pieces past its limit.

import IPC
import Logging
import NIOCore
import NIOWebSocket
import NodeConfig

/// Sets up an upgraded channel.
enum PeerPipeline {
    @discardableResult
    static func add(
        to channel: any Channel, _ gate: PeerGate, _ handshake: PeerHandshake, _ hub: PeerHub
    ) throws -> PeerConnection {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(
            NIOWebSocketFrameAggregator(
                minNonFinalFragmentSize: 512, maxAccumulatedFrameCount: 64,
                maxAccumulatedFrameSize: hub.limits.maxMessageBytes))
        let connection = PeerConnection(hub: hub, channel: channel, gate: gate, handshake: handshake)
        try pipeline.addHandler(connection)
        return connection
    }
}
