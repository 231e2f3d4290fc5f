// The child of the chains' kill matrix: does its script and kills itself at the boundary it was told, which it says on
// descriptor 3. It must never be installed: it is a test's own program.

import Glibc
import NIOConcurrencyHelpers

@main enum Main {
    /// Not asynchronous: the test program has this module in itself, and two asynchronous beginnings share one symbol.
    static func main() {
        // What nobody kills ends by itself: the parent waits for it.
        alarm(120)
        Task.detached {
            do { try await run() } catch { exit(70) }
            exit(0)
        }
        while true { pause() }
    }

    /// The boundary is a number: the first that is passed is 1.
    private static func run() async throws {
        let words = CommandLine.arguments
        guard words.count == 5, let kind = ChainScript.Kind(rawValue: words[2]), let at = Int64(words[3]),
            let boundary = Int(words[4])
        else { exit(64) }
        let passed = NIOLockedValueBox(0)
        let script = try ChainScript(kind, words[1], at: at) {
            let number = passed.withLockedValue { count in
                count += 1
                return count
            }
            guard number == boundary else { return }
            let line = Array("at \(boundary)\n".utf8)
            if write(3, line, line.count) != line.count { exit(74) }
            kill(getpid(), SIGKILL)
        }
        try await script.run(kind)
    }
}
