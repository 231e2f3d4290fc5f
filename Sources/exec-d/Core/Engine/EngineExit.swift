// Why an engine's container is gone, in words that a person can act on.
// It must never guess: what Docker did not say is not said.

import Wire

/// The end of a container.
struct EngineExit: Hashable, Sendable {
    /// 128 and the signal's number when a signal ended it; nil when Docker no longer knows the container.
    var code: Int?
    /// The kernel ended it because it went over its memory limit.
    var outOfMemory = false
    /// Docker's own words, where it has any.
    var said = ""

    init(code: Int?, outOfMemory: Bool = false, said: String = "") {
        self.code = code
        self.outOfMemory = outOfMemory
        self.said = said
    }

    init(_ state: DockerContainer.State) {
        self.init(code: state.exitCode, outOfMemory: state.oomKilled ?? false, said: state.error ?? "")
    }

    /// As in "the engine …".
    func words(memoryMiB: Int) -> String {
        if outOfMemory { return "went over its memory limit of \(memoryMiB) MiB and was ended by the kernel" }
        if !said.isEmpty { return "could not be run: \(said)" }
        guard let code else { return "is gone: somebody removed its container" }
        guard code > 128, code <= 128 + 64 else { return "ended with exit code \(code)" }
        let names = [4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 9: "SIGKILL", 11: "SIGSEGV", 15: "SIGTERM"]
        return "was ended by signal \(code - 128)" + (names[code - 128].map { " (\($0))" } ?? "")
    }

    /// - Parameter lastLine: what it wrote last, for one that ended before it had seen any prompt.
    func wire(memoryMiB: Int, lastLine: String? = nil) -> WireError {
        let fix: String =
            if outOfMemory {
                "Raise exec.memory_mib, or lower exec.context or exec.slots."
            } else if code == 132 {
                "The engine needs a CPU with AVX2."
            } else {
                "Ask again: a new engine is started."
            }
        return WireError(
            .engineUnavailable, "The engine \(words(memoryMiB: memoryMiB)).", fix: fix, retryAfterMs: 1_000,
            cause: lastLine)
    }
}
