// The child of the crash matrix: does deeds and kills itself at the boundary it was told. It acknowledges on
// descriptor 3. It must never be installed: it is a test's own program, small so that a thousand start in a minute.

import Glibc
import NIOConcurrencyHelpers
import Nostr

@testable import LedgerCore

@main enum Main {
    /// Not asynchronous: the test program has this module in itself, and two asynchronous beginnings share one symbol.
    static func main() {
        // What nobody kills ends by itself: the parent waits for it.
        alarm(60)
        Task.detached {
            do { try await run() } catch { exit(70) }
            exit(0)
        }
        while true { pause() }
    }

    private static func run() async throws {
        let words = CommandLine.arguments
        if words.count == 5, ["lightning", "credit", "held"].contains(words[2]) {
            return try await runLightning(words)
        }
        guard words.count == 4, let first = Int(words[2]), let key = SecretKey(bytes: DeedScript.secret)
        else { exit(64) }
        let boundaries = NIOLockedValueBox(DeedScript.Boundaries())
        let ledger = try Ledger(path: words[1] + "/" + Ledger.fileName, key: key) { step in
            guard boundaries.withLockedValue({ $0.name(step) }) == words[3] else { return }
            say("at \(words[3])")
            kill(getpid(), SIGKILL)
        }
        for index in first..<(first + 1_000) {
            let (id, deed, at) = DeedScript.deed(index)
            boundaries.withLockedValue { $0.begin(deed) }
            let outcome = try await ledger.perform(deed, id: id, at: at)
            say("done \(index) \(outcome.sequence)")
        }
    }

    /// The boundary is a number: the first that is passed is 1.
    private static func runLightning(_ words: [String]) async throws {
        guard let now = Int64(words[3]), let boundary = Int(words[4]),
            let key = SecretKey(bytes: DeedScript.secret)
        else { exit(64) }
        let passed = NIOLockedValueBox(0)
        let script =
            switch words[2] {
            case "credit": CreditScript.run
            case "held": HeldScript.run
            default: LightningScript.run
            }
        try await script(words[1], now, key) {
            let number = passed.withLockedValue { count in
                count += 1
                return count
            }
            guard number == boundary else { return }
            say("at \(boundary)")
            kill(getpid(), SIGKILL)
        }
    }

    /// One write, so that a line is heard whole or not at all.
    private static func say(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        if write(3, bytes, bytes.count) != bytes.count { exit(74) }
    }
}
