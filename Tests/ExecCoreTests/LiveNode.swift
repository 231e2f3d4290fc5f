// exec-d's parts put together as ExecDaemon does it, over the real Docker, with content-d and ledger-d played.
// It must never leave a container behind: all tests' containers carry one label, and each node removes its own.

import AsyncHTTPClient
import DaemonKit
import FoundationEssentials
import Glibc
import Interfaces
import Logging
import NIOPosix
import NodeConfig
import NodeModel
import Synchronization
import TestKit
import Wire

@testable import ExecCore

/// A node's exec-d for one test.
final class LiveNode: Sendable {
    typealias Events = [ExecInterface.Run.Event]

    let image = LiveNode.variable("INFERNET_LIVE_IMAGE")
    let label = "live-test"
    let docker: DockerClient
    let house: EngineHouse
    let store: RunStore
    /// What ledger-d would unwrap.
    let contentKey = Mutex("")
    private let template: ContainerTemplate
    private let client: HTTPClient
    private let kept: HTTPClient
    private let directory: TemporaryDirectory
    private let model: String
    private let section: ExecSection
    private let watch: AnswerWatch.Limits
    private let metrics = ExecMetrics(registry: MetricsRegistry())

    private static func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }

    static func with(
        nextToken: Duration = .seconds(60), model: String? = nil, _ body: (LiveNode) async throws -> Void
    ) async throws {
        let node = try LiveNode(nextToken, model ?? variable("INFERNET_LIVE_MODEL"))
        do { try await body(node) } catch {
            _ = await node.close()
            throw error
        }
        let left = await node.close()
        if left != 0 { throw WireError(.internalError, "\(left) containers are left") }
    }

    private init(_ nextToken: Duration, _ model: String) throws {
        self.model = model
        let chosen = Self.variable("DOCKER_SOCK")
        directory = try TemporaryDirectory()
        client = UnixHTTP.makeClient(on: MultiThreadedEventLoopGroup.singleton)
        kept = UnixHTTP.makeClient(on: MultiThreadedEventLoopGroup.singleton)
        docker = DockerClient(client: client, socketPath: chosen.isEmpty ? "/var/run/docker.sock" : chosen)
        var section = ExecSection()
        section.image = image
        section.slots = 1
        section.context = 1_024
        self.section = section
        let root = geteuid() == 0
        template = try ContainerTemplate(
            image: image, node: label, user: root ? "65534:65534" : "\(geteuid()):\(getegid())",
            limits: .init(section))
        let log = Logger(label: "live") { _ in SwiftLogNoOpLogHandler() }
        let launcher = EngineLauncher(
            docker: docker, client: client, kept: kept, template: template,
            folder: EngineFolder(runDirectory: directory.path, foreignUser: root), loadLimit: .seconds(60),
            log: log)
        house = EngineHouse(
            .init(slots: 1, engines: 1, queue: 2, queueMs: 120_000, idleStopMs: 0), launcher: launcher,
            life: String(UInt32.random(in: 0...UInt32.max), radix: 36), metrics: metrics, log: log)
        store = RunStore(path: directory.appending("runs.sqlite"))
        watch = .init(firstToken: .seconds(120), nextToken: nextToken)
    }

    /// - Returns: how many containers are left.
    private func close() async -> Int {
        await house.drain(.zero)
        let left = try? await docker.list(label: ContainerTemplate.nodeLabel, value: label)
        for container in left ?? [] { try? await docker.remove(container.id) }
        try? await client.shutdown()
        try? await kept.shutdown()
        return left?.count ?? -1
    }

    // MARK: Jobs

    func ask(
        _ prompt: String, maxTokens: Int, piece: @escaping @Sendable () -> Void = {}
    ) async throws -> (reply: ExecInterface.Run.Reply, events: Events) {
        try await run(newJob(), .plain(request(prompt)), maxTokens: maxTokens, piece: piece)
    }

    let allowances = Allowances()

    func run(
        _ job: JobID, _ payload: ExecInterface.Payload, maxTokens: Int, allowance: Int? = nil,
        piece: @escaping @Sendable () -> Void = {}
    ) async throws -> (reply: ExecInterface.Run.Reply, events: Events) {
        let events = Mutex(Events())
        let runner = JobRunner(
            house: house, store: store, limits: RequestLimits(section), watch: watch, image: image,
            metrics: metrics, allowances: allowances, loop: MultiThreadedEventLoopGroup.singleton.next(),
            resolve: { [self] name, _ in resolved(name) },
            unwrap: { [self] _ in .init(contentKey: contentKey.withLock { $0 }) })
        let run = ExecInterface.Run(
            job: job, model: "test-model", payload: payload, maxTokens: maxTokens, allowance: allowance)
        let log = Logger(label: "job") { _ in SwiftLogNoOpLogHandler() }
        let reply = try await runner.run(run, log: log) { event in
            if event.stage == .token { piece() }
            events.withLock { $0.append(event) }
        }
        return (reply, events.withLock { $0 })
    }

    /// What this node's engine makes of somebody's answer.
    func score(_ prompt: String, _ answer: String, ended: Bool = true) async throws
        -> ExecInterface.Score.Reply
    {
        let scorer = AnswerScorer(house: house, limits: RequestLimits(section), image: image) {
            [self] name, _ in resolved(name)
        }
        return try await scorer.score(
            ExecInterface.Score(
                job: newJob(), model: "test-model", request: request(prompt), answer: answer, ended: ended,
                places: 64))
    }

    func plain(_ prompt: String, tools: ToolUse? = nil) throws -> (JobID, ExecInterface.Payload) {
        (newJob(), .plain(request(prompt, tools: tools)))
    }

    func sealed(_ prompt: String, _ key: ContentKey) throws -> (JobID, ExecInterface.Payload) {
        let job = newJob()
        var stream = SealedStream(key: key, jobID: job, direction: .request)
        let bytes = try stream.seal(try request(prompt).jsonBytes()).sealed
        return (
            job,
            .sealed(
                SealedPayload(
                    ciphertext: Data(bytes).base64EncodedString(), wrappedKey: "wrapped",
                    sender: PublicKey(xOnly: Digest(hashing: "client"))))
        )
    }

    private func newJob() -> JobID {
        var random = SystemRandomNumberGenerator()
        return JobID(milliseconds: 1_790_000_000_000, random: &random)
    }

    private func request(_ prompt: String, tools: ToolUse? = nil) -> InferenceRequest {
        InferenceRequest(
            model: "test-model", messages: [ChatMessage(role: "user", content: prompt)],
            sampling: Sampling(temperature: 0), tools: tools)
    }

    private func resolved(_ name: String) -> ContentInterface.Resolve.Reply {
        let root = Digest(hashing: model)
        return .init(
            entry: .init(
                name: name, root: root, sha256: root, manifest: "", size: 1 << 20, format: "gguf",
                metadata: [:],
                addedAt: 0), path: model, verifyMs: 0)
    }

    // MARK: Engines

    /// Waits until the engine itself says that its slot is taken, or free.
    func untilBusy(_ busy: Bool) async throws {
        for _ in 0..<300 {
            let slots = try await engine().http.send("GET", "/slots", within: .seconds(10)).body
            if String(decoding: slots, as: UTF8.self).contains("\"is_processing\":\(busy)") { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw WireError(.deadlineExceeded, "the engine's slot did not become \(busy ? "busy" : "free")")
    }

    func engine() async throws -> EngineClient {
        for _ in 0..<1_000 {
            if let ready = await house.snapshot.engines.first(where: { $0.state == "ready" }) {
                return house.launcher.engine(ready.container)
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw WireError(.deadlineExceeded, "no engine is ready")
    }

    /// Waits until Docker has no container of this node.
    func untilNoContainer() async throws {
        for _ in 0..<100 {
            if try await docker.list(label: ContainerTemplate.nodeLabel, value: label).isEmpty { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw WireError(.deadlineExceeded, "a container is left")
    }

    /// Sends a signal to the first process of each engine's container.
    func signalEngines(_ name: String) async throws {
        let http = UnixHTTP(client: client, socketPath: docker.socketPath)
        for container in try await docker.list(label: ContainerTemplate.nodeLabel, value: label) {
            let path = "/v1.41/containers/\(container.id)/kill?signal=\(name)"
            let status = try await http.send("POST", path, within: .seconds(10)).status
            if status != 204 { throw WireError(.internalError, "Docker answered \(status)") }
        }
    }

    /// A container that an earlier life of exec-d might have left.
    func orphan() async throws {
        let folder = try directory.directory("orphan", mode: 0o777)
        let body = template.body(modelRoot: Digest(hashing: "x"), modelPath: model, folder: folder)
        let id = try await docker.create(body, name: "infernet-orphan-\(getpid())")
        try await docker.start(id)
    }
}
