// One client's connection to the OpenAI API: requests in, one at a time, answers out, and a limit on every wait.
// It must never log or keep a body longer than its request, nor leave work running for a client that is gone.

import NIOCore
import NIOHTTP1
import NodeConfig
import Wire

/// Reads requests and writes answers.
// A handler of one channel, touched on its event loop only.
final class HTTPConnection: ChannelInboundHandler, @unchecked Sendable {  // see above
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
        /// Between requests.
        case idle
        /// The first bytes of a request are here, its head is not.
        case head
        case body
        /// The request is whole; its answer is being made.
        case answering
        /// Parts of the answer are sent, more will come.
        case streaming
        /// The answer is written but for its end: the client has not read enough for another one.
        case ending
        /// Answered early; what the client still sends is thrown away until it is done, or for a while.
        case discarding
        case closed
    }

    let service: HTTPService
    private let channel: any Channel
    private var phase = Phase.idle
    /// When this connection has been too slow.
    private(set) var due: NIODeadline
    private var route: Route?
    private var version = HTTPVersion.http1_1
    private var isHead = false
    private var isOld: Bool { version.major < 1 || (version.major == 1 && version.minor == 0) }
    private var keepAlive = true
    private var refusal: APIError?
    /// What came as x402's payment; kept where something is sold.
    private(set) var payment: String?
    private var body = ByteBuffer()
    private var discarded = 0
    private var began = NIODeadline.now()
    private var task: Task<Void, Never>?
    /// Counts requests, to tell whose task is whose.
    private var serial: UInt64 = 0
    private var isEnding = false
    private var arrival = RequestArrival()
    private let answer: AnswerWriter

    /// How much, and for how long in milliseconds, we listen to a client that was refused before it was done.
    private static let discardLimit = 64 * 1024 * 1024
    private static let discardPatienceMs = 3_000
    init(service: HTTPService, channel: any Channel) {
        self.service = service
        self.channel = channel
        answer = AnswerWriter(channel)
        due = .now() + .milliseconds(Int64(service.limits.headerTimeoutMs))
    }

    // MARK: The channel's events

    func channelInactive(context: ChannelHandlerContext) {
        let unfinished = phase == .answering || phase == .streaming
        phase = .closed
        due = .distantFuture
        if unfinished, let route { service.metrics.answered(route, status: 499, since: began) }
        task?.cancel()
        task = nil
        answer.drop()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard channel.isWritable else { return }
        answer.wake()
        if phase == .ending { end() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let fault = error as? HTTPParserError, phase == .idle || phase == .head || phase == .body else {
            return abort()
        }
        keepAlive = false
        if fault == .invalidEOFState { return abort() }
        service.metrics.refused("malformed")
        if fault == .headerOverflow {
            send(HTTPReply(APIError(431, "The request's headers are too large.", code: "headers_too_large")))
        } else {
            send(
                HTTPReply(
                    APIError(400, "The request is not HTTP/1.1 that this server reads.", code: "invalid_http")
                ))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): take(head)
        case .body(var part): take(&part)
        case .end: ended()
        }
    }

    /// Told by the gate, before any of it is understood.
    func arrived(_ bytes: ByteBuffer) {
        if phase == .idle {
            wait(.head, service.limits.headerTimeoutMs)
            arrival.begin(with: bytes)
        }
        arrival.add(bytes.readableBytes)
    }

    // MARK: The request

    private func take(_ head: HTTPRequestHead) {
        // What a client pipelined behind a request that ends the connection is not read.
        guard phase == .idle || phase == .head else { return }
        began = .now()
        serial += 1
        wait(.body, service.limits.bodyTimeoutMs)
        keepAlive = head.isKeepAlive && !service.isDraining
        version = head.version
        isHead = head.method == .HEAD
        route = nil
        refusal = nil
        payment = nil
        body.clear()
        do {
            let found = try RequestRules.admit(head, service)
            route = found
            payment = service.sale == nil ? nil : head.headers.first(name: HTTPReply.payment)
            if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }),
                length > service.limits.maxBodyBytes
            {
                return refuseNow(tooLarge)
            }
            if RequestRules.expectsContinue(head) {
                answer.goAhead()
            }
        } catch {
            if RequestRules.expectsContinue(head) { return refuseNow(error) }
            refusal = error
        }
    }

    private func take(_ part: inout ByteBuffer) {
        switch phase {
        case .discarding:
            discarded += part.readableBytes
            if discarded > Self.discardLimit { abort() }
        case .body:
            guard body.readableBytes + part.readableBytes <= service.limits.maxBodyBytes else {
                return refuseNow(tooLarge)
            }
            body.writeBuffer(&part)
        default: return
        }
    }

    private func ended() {
        switch phase {
        case .discarding: close()
        case .body:
            arrival.end(body: body.readableBytes)
            wait(.answering, nil)
            // Behind the end of another answer: in a turn of its own, or pipelined requests would pile up the stack.
            if isEnding { service.loop.execute { self.begin() } } else { begin() }
        default: return
        }
    }

    private func begin() {
        guard phase == .answering else { return }
        if let refusal { return send(HTTPReply(refusal)) }
        guard let route else { return abort() }
        let content = body
        body = ByteBuffer()
        let asked = serial
        let work = RequestWork.start(route, content, self)
        // An answer that is ready at once may have let the next request in already.
        if asked == serial, isAnswering { task = work }
    }

    private var tooLarge: APIError {
        APIError(
            413,
            "The request's body is larger than \(service.limits.maxBodyBytes) bytes, the most this node takes.",
            code: "request_too_large")
    }

    /// Answers before the request is over, then hears the client out for a while: closing at once would reset the
    /// connection, and the client might never read why.
    private func refuseNow(_ error: APIError) {
        keepAlive = false
        body = ByteBuffer()
        discarded = 0
        writeStart(of: HTTPReply(error))
        wait(.discarding, Self.discardPatienceMs)
        answer.end()
    }

    // MARK: The answer

    /// Whether somebody still waits for the answer.
    var isAnswering: Bool { phase == .answering || phase == .streaming }

    /// Sends a whole answer and gets ready for the next request.
    func send(_ reply: HTTPReply) {
        guard phase != .closed else { return }
        writeStart(of: reply)
        end()
    }

    private func writeStart(of reply: HTTPReply) {
        var head = responseHead(reply.status, reply.headers)
        head.headers.add(name: "content-length", value: String(reply.body.count))
        answer.write(head)
        if !isHead, !reply.body.isEmpty { answer.write(reply.body) }
        service.metrics.answered(route, status: reply.status, since: began)
    }

    /// Writes the end of an answer. What this connection is next is settled before: the next request of a client that
    /// pipelines arrives within the write.
    private func end() {
        task = nil
        guard keepAlive, !service.isDraining else { return endForGood() }
        // Who asks on and reads nothing is asked for patience: until this end is written, no further request is let in.
        guard answer.hasRoom() else { return wait(.ending, service.limits.writeTimeoutMs) }
        wait(.idle, service.limits.idleTimeoutMs)
        isEnding = true
        answer.end()
        isEnding = false
    }

    private func endForGood() {
        wait(.discarding, Self.discardPatienceMs)
        answer.end()
        close()
    }

    /// Begins an answer that comes in pieces.
    func beginStream(_ headers: [(String, String)]) {
        phase = .streaming
        let head = responseHead(
            200,
            [("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache")] + headers)
        answer.write(head)
    }

    /// Adds bytes to the answer; what is added within one turn of the loop leaves in one piece.
    func stream(_ bytes: [UInt8]) {
        guard phase == .streaming else { return }
        answer.add(bytes)
    }

    /// Ends a streamed answer that is complete.
    func endStream() {
        guard phase == .streaming else { return }
        service.metrics.answered(route, status: 200, since: began)
        end()
    }

    /// Ends a streamed answer that broke off: the closing chunk is never sent, so that no client takes it for whole.
    func breakStream(status: Int) {
        guard phase == .streaming else { return }
        answer.flush()
        service.metrics.answered(route, status: status, since: began)
        close()
    }

    /// Returns when the client has read enough for more to be written.
    func waitUntilWritable() async throws {
        guard phase != .closed else { throw CancellationError() }
        if channel.isWritable { return }
        due = .now() + .milliseconds(Int64(service.limits.writeTimeoutMs))
        await answer.waitUntilWritable()
        guard phase != .closed else { throw CancellationError() }
        due = .distantFuture
    }

    /// Returns when what was sent so far has been handed to the system; throws when it never will be.
    func sent() async throws { try await answer.last?.get() }

    private func responseHead(_ status: Int, _ headers: [(String, String)]) -> HTTPResponseHead {
        var fields = HTTPHeaders(headers)
        if !keepAlive {
            fields.add(name: "connection", value: "close")
        } else if isOld {
            fields.add(name: "connection", value: "keep-alive")
        }
        return HTTPResponseHead(
            version: isOld ? .http1_0 : .http1_1, status: HTTPResponseStatus(statusCode: status),
            headers: fields)
    }

    // MARK: Endings

    private func wait(_ next: Phase, _ milliseconds: Int?) {
        phase = next
        due = milliseconds.map { .now() + .milliseconds(Int64($0)) } ?? .distantFuture
    }

    /// Closes when what was written has left: a channel drops what is still in its own buffer.
    private func close() {
        wait(.discarding, Self.discardPatienceMs)
        answer.close()
    }

    /// Closes without a word.
    func abort() { channel.close(promise: nil) }

    /// Called when `due` has passed.
    func expire() {
        switch phase {
        case .head: service.metrics.refused("slow_head")
        case .streaming, .ending: service.metrics.refused("slow_reader")
        case .body:
            service.metrics.refused("slow_body")
            keepAlive = false
            return refuseNow(
                APIError(408, "The request's body did not arrive in time.", code: "request_timeout"))
        case .idle, .answering, .discarding, .closed: break
        }
        abort()
    }

    /// Ends after the answer that is under way, or that a request asks for which is here already; an idle connection
    /// ends now. Call it after `spare`.
    func drain() {
        keepAlive = false
        if phase == .idle, !channel.hasUnread { close() }
    }

    /// A copy of the descriptor of a connection on which nothing is under way, for the next process; nil when something
    /// is. Bytes that the client has sent and nobody has read stay in it.
    func spare() -> Int32? {
        guard phase == .idle, !arrival.holdsMore,
            (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) == 0
        else { return nil }
        return channel.descriptorCopy()
    }
}
