// The first request of a connection: who is there?
// It must never let a connection be used whose other end is not the one that was meant.

import NIOCore
import Wire

/// `hello`, whose reply makes the connection fit for use.
final class GreetingCall: PendingCall, @unchecked Sendable {  // as its parent: on the loop only
    private let callee: Role
    private let promise: EventLoopPromise<Void>

    init(callee: Role, deadline: NIODeadline, promise: EventLoopPromise<Void>) {
        self.callee = callee
        self.promise = promise
        super.init(method: Hello.spec.name, deadline: deadline)
    }

    override func finish(_ result: Result<UnsafeRawBufferPointer, WireError>) {
        promise.completeWith(
            Result {
                let reply = try Hello.Reply.read(try result.get())
                guard reply.server == callee else {
                    throw WireError(.upstreamLost, "\(reply.server) answered where \(callee) should.")
                }
            })
    }
}
