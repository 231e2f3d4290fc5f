// What exec-d answers: what hardware there is, which engines run, and a job's tokens as they come.
// It must never take a container option from a caller: the template decides.

public import NodeModel
public import Wire

/// The methods of exec-d.
public enum ExecInterface {
    public static let methods: [MethodSpec] = [
        Run.spec, Inventory.spec, StopEngine.spec, Score.spec, Allow.spec,
    ]

    /// Something that can run a model.
    public struct Device: WireValue, Hashable {
        /// `cpu`, `nvidia` or `amd`.
        public var kind: String
        public var name: String
        /// Memory for models, in MiB.
        public var memoryMiB: Int
        public var driver: String?
        /// Memory that is free now, in MiB; nil for a CPU, and where its tool does not tell.
        public var freeMiB: Int?
        enum CodingKeys: String, CodingKey {
            case kind, name, driver
            case memoryMiB = "memory_mib"
            case freeMiB = "free_mib"
        }
        public init(
            kind: String, name: String, memoryMiB: Int, driver: String? = nil, freeMiB: Int? = nil
        ) {
            self.kind = kind
            self.name = name
            self.memoryMiB = memoryMiB
            self.driver = driver
            self.freeMiB = freeMiB
        }
    }

    /// Why a model does not run here.
    public struct ModelProblem: WireValue, Hashable {
        public var root: ContentRoot
        public var model: String
        public var reason: String
        public var fix: String?
        public init(root: ContentRoot, model: String, reason: String, fix: String?) {
            self.root = root
            self.model = model
            self.reason = reason
            self.fix = fix
        }
    }

    /// What is wrong with a model that is larger than what one engine may use; nil when it is not.
    /// - Parameter size: of its file, in bytes.
    public static func outgrown(_ model: String, size: Int64, memoryMiB: Int) -> (
        reason: String, fix: String
    )? {
        let needed = size >> 20
        guard needed >= Int64(memoryMiB) else { return nil }
        return (
            "'\(model)' has \(needed) MiB, and an engine here may use \(memoryMiB) MiB, context included.",
            "Raise exec.memory_mib to \(needed + needed / 4 + 512) or more."
        )
    }

    /// A warm engine: one container with one model.
    public struct Engine: WireValue, Hashable {
        public var container: String
        public var modelRoot: ContentRoot
        public var model: String
        /// `loading`, `ready`, `stopping` or `failed`.
        public var state: String
        public var reason: String
        public var slots: Int
        public var busy: Int
        enum CodingKeys: String, CodingKey {
            case container, model, state, reason, slots, busy
            case modelRoot = "model_root"
        }
        public init(
            container: String, modelRoot: ContentRoot, model: String, state: String, reason: String,
            slots: Int, busy: Int
        ) {
            self.container = container
            self.modelRoot = modelRoot
            self.model = model
            self.state = state
            self.reason = reason
            self.slots = slots
            self.busy = busy
        }
    }

    /// Hardware, Docker, image and engines as they are now.
    public struct Inventory: Request {
        public static let spec = MethodSpec(
            "exec.inventory", deadlineMs: 5_000, "Hardware, Docker, image and engines.")
        public struct Reply: WireValue, Hashable {
            public var devices: [Device]
            /// Why no GPU is listed, when none is.
            public var gpuReason: String?
            /// Whether jobs can run at all; when not, the failed check says why.
            public var checks: [ControlInterface.Check]
            public var image: String?
            public var engines: [Engine]
            /// Jobs that can run at once, and do.
            public var slots: Int
            public var busy: Int
            public var queued: Int
            /// The devices that an engine's container is given and computes with, each with the memory that models have
            /// there. Empty: no engine runs here at all. Nil: from a build whose engines knew nothing but the CPU.
            public var engineDevices: [Device]?
            /// What one engine may use of the machine's memory, in MiB; nil when no engine runs here.
            public var engineMemoryMiB: Int?
            /// Why the last engine with a model did not come up, by model; nil when each did that was tried lately.
            public var problems: [ModelProblem]?
            enum CodingKeys: String, CodingKey {
                case devices, checks, image, engines, slots, busy, queued, problems
                case gpuReason = "gpu_reason"
                case engineDevices = "engine_devices"
                case engineMemoryMiB = "engine_memory_mib"
            }
            public var usable: Bool { checks.allSatisfy(\.ok) }
            /// What engines compute with, also by the word of an older build.
            public var computing: [Device] { engineDevices ?? devices.filter { $0.kind == "cpu" } }
            public init(
                devices: [Device], gpuReason: String?, checks: [ControlInterface.Check], image: String?,
                engines: [Engine],
                slots: Int, busy: Int, queued: Int, engineDevices: [Device]? = nil,
                engineMemoryMiB: Int? = nil, problems: [ModelProblem]? = nil
            ) {
                self.engineDevices = engineDevices
                self.engineMemoryMiB = engineMemoryMiB
                self.problems = problems
                self.devices = devices
                self.gpuReason = gpuReason
                self.checks = checks
                self.image = image
                self.engines = engines
                self.slots = slots
                self.busy = busy
                self.queued = queued
            }
        }
        public init() {}
        public static var example: (request: Inventory, reply: Reply) {
            (
                Inventory(),
                Reply(
                    devices: [Device(kind: "cpu", name: "AMD EPYC", memoryMiB: 24_000)],
                    gpuReason: "no nvidia-smi, no rocm-smi, no GPU in /sys/class/drm",
                    checks: [
                        ControlInterface.Check(name: "docker", ok: true, reason: "engine 20.10, API 1.41")
                    ],
                    image: "sha256:" + Digest(hashing: "").hex, engines: [], slots: 2, busy: 0, queued: 0,
                    engineDevices: [Device(kind: "cpu", name: "AMD EPYC", memoryMiB: 768)],
                    engineMemoryMiB: 768,
                    problems: [
                        ModelProblem(
                            root: Digest(hashing: "model"), model: "model",
                            reason: "The engine ended with exit code 1.",
                            fix: "Ask again: a new engine is started.")
                    ])
            )
        }
    }

    /// What is to be run: in the clear for the node's own jobs, sealed for a stranger's.
    public enum Payload: WireValue, Hashable {
        case plain(InferenceRequest)
        case sealed(SealedPayload)
    }

    /// Runs a job and gives its answer as it is generated.
    public struct Run: StreamRequest {
        public static let spec = MethodSpec(
            "exec.run", deadlineMs: 600_000, maxRequestBytes: 4 * 1024 * 1024, idempotent: false,
            "Runs a job and streams its answer.")

        public struct Reply: WireValue, Hashable {
            public var model: String
            public var modelRoot: ContentRoot
            public var image: String
            public var requestHash: Digest
            public var resultHash: Digest
            public var usage: Usage
            public var timings: StageTimings
            public var finish: FinishReason
            enum CodingKeys: String, CodingKey {
                case model, image, usage, timings, finish
                case modelRoot = "model_root"
                case requestHash = "request_hash"
                case resultHash = "result_hash"
            }
            public init(
                model: String, modelRoot: ContentRoot, image: String, requestHash: Digest, resultHash: Digest,
                usage: Usage, timings: StageTimings, finish: FinishReason
            ) {
                self.model = model
                self.modelRoot = modelRoot
                self.image = image
                self.requestHash = requestHash
                self.resultHash = resultHash
                self.usage = usage
                self.timings = timings
                self.finish = finish
            }
        }

        /// A stage that began, or a piece of the answer. A sealed job's pieces are ciphertext in base64.
        /// Written and read by hand: one of these crosses four sockets for each token.
        public struct Event: WireValue, Hashable {
            public enum Stage: String, Codable, Sendable { case queued, loading, prompt, token }
            public var stage: Stage
            /// Counts pieces from zero; meaningful for `token` only.
            public var sequence: UInt64
            public var text: String
            /// For a piece of an answer that is paid piece by piece: the tokens so far, by the engine. 0 for all else.
            public var tokens: UInt64
            public init(stage: Stage, sequence: UInt64 = 0, text: String = "", tokens: UInt64 = 0) {
                self.tokens = tokens
                self.stage = stage
                self.sequence = sequence
                self.text = text
            }
            public func write(to writer: inout JSONWriter) throws {
                PieceCoding.write(
                    stage: stage.rawValue, sequence: sequence, text: text, tokens: tokens, to: &writer)
            }
            public static func read(_ json: UnsafeRawBufferPointer) throws -> Event {
                let (stage, sequence, text, tokens) = try PieceCoding.read(json)
                guard let stage = Stage(rawValue: stage) else {
                    throw WireError(.invalidParams, "'stage' is not one that this build knows.")
                }
                return Event(stage: stage, sequence: sequence, text: text, tokens: tokens)
            }
        }

        public var job: JobID
        /// A model's name or root.
        public var model: String
        public var payload: Payload
        /// The longest answer that was agreed on, in tokens.
        public var maxTokens: Int
        /// Tokens that may be given before more are allowed (`exec.allow`); nil where all are.
        public var allowance: Int?
        enum CodingKeys: String, CodingKey {
            case job, model, payload, allowance
            case maxTokens = "max_tokens"
        }
        public init(
            job: JobID, model: String, payload: Payload, maxTokens: Int, allowance: Int? = nil
        ) {
            self.allowance = allowance
            self.job = job
            self.model = model
            self.payload = payload
            self.maxTokens = maxTokens
        }

        public static var example: (request: Run, reply: Reply) {
            let zero = Digest(hashing: "")
            let request = InferenceRequest(
                model: "smollm2-135m-instruct", messages: [ChatMessage(role: "user", content: "Hello")])
            return (
                Run(
                    job: LedgerInterface.exampleBody.job, model: request.model, payload: .plain(request),
                    maxTokens: 64),
                Reply(
                    model: request.model, modelRoot: zero, image: "sha256:" + zero.hex, requestHash: zero,
                    resultHash: zero, usage: Usage(promptTokens: 31, completionTokens: 8),
                    timings: StageTimings(),
                    finish: .stop)
            )
        }
        public static var eventExample: Event { Event(stage: .token, sequence: 3, text: " world") }
    }

    /// Stops a warm engine; running jobs end with a reason.
    public struct StopEngine: Request {
        public static let spec = MethodSpec("exec.stop_engine", deadlineMs: 15_000, "Stops a warm engine.")
        public typealias Reply = Done
        /// A model's name or root; nil stops all.
        public var model: String?
        public init(model: String? = nil) { self.model = model }
        public static var example: (request: StopEngine, reply: Done) { (StopEngine(), Done()) }
    }
}
