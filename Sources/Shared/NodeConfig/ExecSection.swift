// What exec-d is told: where Docker is, which image, how much of the machine.
// It must never hold an option of a single container: the template decides those.

/// What exec-d is told.
public struct ExecSection: Codable, Sendable, Equatable {
    public var dockerSocket = "/var/run/docker.sock"
    /// The engine's image id, `sha256:` and 64 hexadecimal characters. Empty: no engine, jobs go to others.
    public var image = ""
    /// What engines compute with: `auto`, the GPUs with memory of their own; `none`, the CPU; or the names of GPUs, with commas
    /// between, as `GPU-…` (`nvidia-smi -L`) or `renderD128` (`/dev/dri`). An image for GPUs is needed, else it is the CPU.
    public var devices = "auto"
    /// Models whose engines are started before anybody asks.
    public var warm: [String] = []
    /// Answers that one engine generates at the same time.
    public var slots = 2
    /// Threads of one engine.
    public var threads = 1
    /// Tokens of prompt and answer together, for each slot.
    public var context = 2048
    /// Memory limit of one engine, in MiB.
    public var memoryMiB = 768
    /// CPUs of one engine, in thousandths.
    public var milliCPUs = 2000
    public var pidsLimit = 64
    /// Engines that may be warm at once.
    public var maxEngines = 2
    /// Jobs that may wait for a slot; more are refused.
    public var queueLimit = 16
    /// The longest answer, in tokens.
    public var maxTokens = 4096
    /// The largest request, messages together.
    public var maxRequestBytes = 1_048_576
    public var queueMs = 60_000
    public var loadMs = 60_000
    public var firstTokenMs = 60_000
    public var nextTokenMs = 15_000
    /// How long an idle engine stays warm; 0 for ever.
    public var idleStopMs = 0

    enum CodingKeys: String, CodingKey {
        case image, devices, warm, slots, threads, context
        case dockerSocket = "docker_socket"
        case memoryMiB = "memory_mib"
        case milliCPUs = "milli_cpus"
        case pidsLimit = "pids_limit"
        case maxEngines = "max_engines"
        case queueLimit = "queue_limit"
        case maxTokens = "max_tokens"
        case maxRequestBytes = "max_request_bytes"
        case queueMs = "queue_ms"
        case loadMs = "load_ms"
        case firstTokenMs = "first_token_ms"
        case nextTokenMs = "next_token_ms"
        case idleStopMs = "idle_stop_ms"
    }
    public init() {}
}
