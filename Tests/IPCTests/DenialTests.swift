// Proves, for every pair of a caller and a method that Grants does not hold, that the call is refused over a real
// socket before its parameters are looked at. The list of pairs is computed, never written down.

import Foundation
import Policy
import TestKit
import Testing
import Wire

@testable import IPC

@Suite struct DenialTests {
    @Test(arguments: Role.daemons + [.supervisor])
    func whatIsNotGrantedIsRefused(_ callee: Role) async throws {
        let directory = try TemporaryDirectory()
        var refused = 0
        for caller in Role.allCases where caller != callee {
            // The socket is made for the test: in a node a caller without any right has not even that.
            let server = try await LoopbackServer(callee, runDirectory: directory.path, callers: [caller]) {
                router in
                for spec in Grants.served(by: callee) { router.accept(spec) }
            }
            for method in Grants.served(by: callee) where !Grants.allows(caller, at: callee, method.name) {
                let raw = try RawCaller("\(directory.path)/\(callee.rawValue)/\(caller.rawValue).sock")
                raw.hello()
                raw.send(
                    #"{"jsonrpc":"2.0","id":2,"method":"\#(method.name)","params":{"nonsense":[{"x":1}]}}"#)
                let reply = raw.receive() ?? "nothing"
                #expect(reply.contains("\"not_permitted\""), "\(caller) at \(method.name): \(reply)")
                close(raw.descriptor)
                refused += 1
            }
            await server.close()
        }
        #expect(refused > 0)
    }

    @Test func whoHasNoRightHasNoSocket() {
        for callee in Role.daemons {
            let callers = Set(Grants.callers(of: callee))
            for caller in Role.allCases where !callers.contains(caller) {
                #expect(Grants.served(by: callee).allSatisfy { !Grants.allows(caller, at: callee, $0.name) })
            }
        }
    }
}

extension Router {
    /// A handler for any method, which must never be reached by those who were not granted it.
    fileprivate mutating func accept(_ spec: MethodSpec) {
        routes[spec.name] = Route(spec) { _, _ in
            Issue.record("the parameters of \(spec.name) were looked at")
            throw WireError(.internalError, "reached")
        }
    }
}
