// The children of the crash matrix: each does deeds and kills itself at the boundary it was told. It acknowledges on
// descriptor 3. It must never be installed: it is a test's own program, whose children are forked, as a thousand begin
// in a minute.

import ForkServer
import GRDB
import Glibc
import NIOConcurrencyHelpers
import Nostr

@testable import LedgerCore

@main enum Main {
    /// Not asynchronous: the test program has this module in itself, and two asynchronous beginnings share one symbol.
    static func main() { ForkServer.serve(seconds: 60, warm: warm, child: run) }

    /// One round of deeds in a ledger of its own, whose folder is its only argument.
    private static func warm() throws {
        guard CommandLine.arguments.count == 2, let key = SecretKey(bytes: DeedScript.secret) else {
            exit(64)
        }
        let ledger = try Ledger(path: CommandLine.arguments[1] + "/" + Ledger.fileName, key: key)
        try ledger.pool.write { db in
            let writer = LedgerWriter(db: db, key: key, reach: nil)
            for index in 0..<DeedScript.round {
                let (id, deed, at) = DeedScript.deed(index)
                _ = try Ledger.perform(deed, id: id, at: at, writer)
            }
        }
        // Disposing of its queues would take a thread; no child touches it.
        _ = Unmanaged.passRetained(ledger)
    }

    @Sendable private static func run(_ words: [String]) async throws {
        if words.count == 4 { return try await runScript(words) }
        guard words.count == 3, let first = Int(words[1]), let key = SecretKey(bytes: DeedScript.secret)
        else { exit(64) }
        let boundaries = NIOLockedValueBox(DeedScript.Boundaries())
        let ledger = try Ledger(path: words[0] + "/" + Ledger.fileName, key: key) { step in
            guard boundaries.withLockedValue({ $0.name(step) }) == words[2] else { return }
            ForkServer.say("at \(words[2])")
            kill(getpid(), SIGKILL)
        }
        for index in first..<(first + 1_000) {
            let (id, deed, at) = DeedScript.deed(index)
            boundaries.withLockedValue { $0.begin(deed) }
            let outcome = try await ledger.perform(deed, id: id, at: at)
            ForkServer.say("done \(index) \(outcome.sequence)")
        }
    }

    /// The boundary is a number: the first that is passed is 1.
    private static func runScript(_ words: [String]) async throws {
        guard let now = Int64(words[2]), let boundary = Int(words[3]),
            let key = SecretKey(bytes: DeedScript.secret)
        else { exit(64) }
        let scripts = [
            "lightning": LightningScript.run, "credit": CreditScript.run, "held": HeldScript.run,
            "own": OwnScript.run,
        ]
        guard let script = scripts[words[1]] else { exit(64) }
        let passed = NIOLockedValueBox(0)
        try await script(words[0], now, key) {
            let number = passed.withLockedValue { count in
                count += 1
                return count
            }
            guard number == boundary else { return }
            ForkServer.say("at \(boundary)")
            kill(getpid(), SIGKILL)
        }
    }
}
