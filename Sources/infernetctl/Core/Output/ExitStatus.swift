// The exit codes, documented in docs/cli.md. The only place of their numbers.
// It must never grow a code that the document does not explain.

/// How a command ended. Thrown when everything that there is to say has been printed.
struct ExitStatus: Error, Hashable, Sendable {
    let rawValue: Int32
    static let ok = ExitStatus(rawValue: 0)
    static let failed = ExitStatus(rawValue: 1)
    static let degraded = ExitStatus(rawValue: 3)
    static let notRunning = ExitStatus(rawValue: 4)
    /// ArgumentParser's own, EX_USAGE.
    static let usage = ExitStatus(rawValue: 64)
    /// As a shell reports SIGINT.
    static let interrupted = ExitStatus(rawValue: 130)
    /// As a shell reports SIGPIPE: nobody reads our output any more.
    static let noReader = ExitStatus(rawValue: 141)
}
