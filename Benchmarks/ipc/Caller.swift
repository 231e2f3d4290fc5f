// The node's own client end, as the daemons use it: PeerLink on one event loop, calls made from the loop's executor.
// It must never reach below PeerLink: what is measured is what a daemon pays.

import Foundation
import IPC
import Interfaces
import Logging
import NIOCore
import NIOPosix
import Wire

@main enum Caller {
    static func main() async throws {
        let words = CommandLine.arguments
        guard words.count == 5, let callee = Role(rawValue: words[2]), let rounds = Int(words[3]),
            let depth = Int(words[4]), rounds > 0, depth > 0
        else {
            FileHandle.standardError.write(Data("caller SOCKET ROLE ROUNDS DEPTH\n".utf8))
            exit(2)
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.any()
        let link = PeerLink(callee: callee, path: words[1], loop: loop, log: Logger(label: "bench"))
        let report = try await Task(executorPreference: LoopExecutor.of(loop)) {
            try await measure(link, rounds, depth)
        }.value
        print(report)
        link.close()
        try await group.shutdownGracefully()
    }

    static func measure(_ link: PeerLink, _ rounds: Int, _ depth: Int) async throws -> String {
        let ping = ControlInterface.Ping(payload: String(repeating: "x", count: 1024))
        for _ in 0..<2_000 { _ = try await link.call(ping) }
        let start = ContinuousClock.now
        var took: [Duration] = []
        if depth == 1 {
            took.reserveCapacity(rounds)
            for _ in 0..<rounds {
                let began = ContinuousClock.now
                let reply = try await link.call(ping)
                took.append(.now - began)
                guard reply.payload.utf8.count == 1024 else { throw WireError(.corrupt, "A short reply.") }
            }
        } else {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<depth {
                    group.addTask { for _ in 0..<(rounds / depth) { _ = try await link.call(ping) } }
                }
                try await group.waitForAll()
            }
        }
        let elapsed = ContinuousClock.now - start
        took.sort()
        let p50 = took.isEmpty ? 0 : took[took.count / 2] / .microseconds(1)
        let p99 = took.isEmpty ? 0 : took[took.count * 99 / 100] / .microseconds(1)
        let rate = Double(rounds) / (elapsed / .seconds(1))
        return "{\"p50_us\":\(p50),\"p99_us\":\(p99),\"per_second\":\(rate)}"
    }
}
