// The children of the chains' kill matrix: each does its script and kills itself at the boundary it was told, which it
// says on descriptor 3. It must never be installed: it is a test's own program.

import ForkServer
import Glibc
import NIOConcurrencyHelpers

@testable import LedgerCore

@main enum Main {
    /// Not asynchronous: the test program has this module in itself, and two asynchronous beginnings share one symbol.
    static func main() { ForkServer.serve(seconds: 120, warm: warm, child: run) }

    /// A chain and a ledger of its own, whose folder is its only argument.
    private static func warm() throws {
        guard CommandLine.arguments.count == 2 else { exit(64) }
        let script = try ChainScript(.client, CommandLine.arguments[1], at: ChainScript.start)
        let question = #"{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["latest",false]}"#
        _ = try script.chain.reply(to: question)
        // Disposing of its queues would take a thread; no child touches it.
        _ = Unmanaged.passRetained(script.ledger)
    }

    /// The boundary is a number: the first that is passed is 1.
    @Sendable private static func run(_ words: [String]) async throws {
        guard words.count == 4, let kind = ChainScript.Kind(rawValue: words[1]), let at = Int64(words[2]),
            let boundary = Int(words[3])
        else { exit(64) }
        let passed = NIOLockedValueBox(0)
        let script = try ChainScript(kind, words[0], at: at) {
            let number = passed.withLockedValue { count in
                count += 1
                return count
            }
            guard number == boundary else { return }
            ForkServer.say("at \(boundary)")
            kill(getpid(), SIGKILL)
        }
        try await script.run(kind)
    }
}
