// One UDP socket of a node: packets in through NIO, packets out by its own batch.
// It must never be closed by a packet that cannot be sent, nor take one of another family than its own.

import NIOCore
import NIOPosix
import NodeSystem

/// A socket that was handed over, and what is to leave by it.
struct DHTSocket {
    let descriptor: Int32
    let channel: any Channel
    /// What is to leave at the end of this turn. NIO's own way out closes the socket for good when one address cannot
    /// be sent to, and whom we send to is for strangers to say.
    private var outgoing: DatagramBatch

    init(_ descriptor: Int32, _ family: AddressFamily, _ channel: any Channel) {
        self.descriptor = descriptor
        self.channel = channel
        outgoing = DatagramBatch(isV6: family == .v6)
    }

    /// Adds a packet.
    ///
    /// - Returns: how many could not be sent to make room for it.
    mutating func add(_ packet: [UInt8], to endpoint: Endpoint) -> Int {
        let lost = outgoing.isFull ? flush() : 0
        outgoing.add(
            packet, high: endpoint.address.high, low: endpoint.address.low, port: endpoint.port)
        return lost
    }

    /// Sends what has gathered.
    ///
    /// - Returns: how many packets could not be sent.
    mutating func flush() -> Int {
        guard !outgoing.isEmpty, channel.isActive else { return 0 }
        return outgoing.send(on: descriptor)
    }

    /// Opens the way in: NIO owns the descriptor from then on.
    static func open(
        _ descriptor: Int32, _ family: AddressFamily, for shell: DHTShell, on loop: any EventLoop
    ) async throws -> any Channel {
        // One read takes up to 16 packets into one buffer; a longer packet than 2 KiB is none of ours.
        try await DatagramBootstrap(group: loop)
            .channelOption(.datagramVectorReadMessageCount, value: 16)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 16 * 2048))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(PacketHandler(shell, family))
                }
            }
            .withBoundSocket(descriptor).get()
    }
}

/// Hands packets from a socket to the shell.
private final class PacketHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let shell: DHTShell
    private let family: AddressFamily

    init(_ shell: DHTShell, _ family: AddressFamily) {
        self.shell = shell
        self.family = family
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        shell.receive(
            Array(envelope.data.readableBytesView), from: Endpoint(envelope.remoteAddress, family))
    }

    func channelReadComplete(context: ChannelHandlerContext) { shell.flush() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // ICMP says that some peer is gone; the socket itself is fine.
    }
}
