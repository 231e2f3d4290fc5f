// How much of a machine its engines are given, by one rule that can be said in a sentence. Pure.
// It must never look at the machine: who asks says what it has.

/// What `infernetctl setup` proposes for `exec`.
public struct EngineSizing: Sendable, Equatable {
    public var threads: Int
    public var milliCPUs: Int
    public var memoryMiB: Int
    public var context: Int
    public var pidsLimit: Int

    /// The rule in words; what the numbers are is in `init`.
    public static let rule =
        "an engine gets every core but one (of three or fewer, all), and half of the memory that is left when an eighth, "
        + "2 GiB at least, is kept for the rest of the machine: two engines fit; the context grows with that"

    public init(cores: Int, memoryMiB machine: Int) {
        threads = min(1024, max(1, cores > 3 ? cores - 1 : cores))
        milliCPUs = threads * 1000
        // A small machine keeps half of what it has.
        let kept = min(max(2048, machine / 8), machine / 2)
        memoryMiB = max(256, (machine - kept) / 2 / 256 * 256)
        context =
            switch memoryMiB {
            case 65_536...: 16_384
            case 16_384...: 8_192
            case 4_096...: 4_096
            default: 2_048
            }
        // Its threads, those that read requests, and some that a library starts.
        pidsLimit = max(64, 2 * threads + 32)
    }

    /// As lines of the section `exec`.
    public var lines: [(key: String, value: String)] {
        [
            ("threads", String(threads)), ("milli_cpus", String(milliCPUs)),
            ("memory_mib", String(memoryMiB)),
            ("context", String(context)), ("pids_limit", String(pidsLimit)),
        ]
    }

    /// What of a machine its engines leave lie: less than a quarter of its cores is used by one, or of its memory by all.
    public static func waste(_ exec: ExecSection, cores: Int, memoryMiB: Int) -> String? {
        var words: [String] = []
        let used = min(exec.threads, max(1, exec.milliCPUs / 1000))
        if used * 4 < cores { words.append("\(used) of \(cores) cores") }
        if exec.memoryMiB * exec.maxEngines < memoryMiB / 4 {
            words.append("\(exec.memoryMiB * exec.maxEngines) of \(memoryMiB) MiB")
        }
        return words.isEmpty ? nil : "engines get " + words.joined(separator: " and ")
    }
}
