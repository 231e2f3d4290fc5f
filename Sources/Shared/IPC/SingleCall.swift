// A request with one reply, decoded where it lies in what was read.
// It must never resume its caller twice, nor leave it waiting.

import NIOCore
import Wire

/// A call whose caller waits for its reply.
final class SingleCall<R: Request>: PendingCall, @unchecked Sendable {  // as its parent: on the loop only
    // Unchecked, for speed: it is set once, and whoever takes it leaves nil.
    private var continuation: UnsafeContinuation<R.Reply, any Error>?

    /// Sends the request and waits for the reply.
    /// - Parameter end: also told to the server.
    nonisolated(nonsending) static func send(
        _ request: R, by connection: ClientConnection, on loop: any EventLoop, trace: String?,
        from start: NIODeadline, until end: NIODeadline
    ) async throws -> R.Reply {
        let call = SingleCall(method: R.spec.name, deadline: end)
        let left = Int(max(0, (end - start).nanoseconds / 1_000_000))
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let begin: @Sendable () -> Void = {
                    call.continuation = continuation
                    call.begin(connection) { writer, id in
                        try Message.request(
                            &writer, id: id, method: R.spec.name, params: request, trace: trace,
                            deadlineMs: left)
                    }
                }
                if loop.inEventLoop { begin() } else { loop.execute(begin) }
            }
        } onCancel: {
            loop.execute { call.cancel() }
        }
    }

    override func finish(_ result: Result<UnsafeRawBufferPointer, WireError>) {
        guard let waiting = continuation else { return }
        continuation = nil
        switch result {
        case .success(let json):
            do { waiting.resume(returning: try R.Reply.read(json)) } catch { waiting.resume(throwing: error) }
        case .failure(let error): waiting.resume(throwing: error)
        }
    }
}
