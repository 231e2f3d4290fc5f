// content-d put together: the store, the check of its bytes, and the socket on which files come in.
// It must never give out a path whose bytes were not checked since the file last changed.
//
// Security: it writes the store and nothing else, has no network and no keys. What it reads of strangers' files is
// their header, through bounds-checked readers, after the whole file has been copied and hashed.

public import DaemonKit
import Glibc
public import IPC
public import Interfaces
import Logging
public import NodeConfig
import NodeModel
import NodeSystem
public import Wire

/// The daemon that keeps content.
public struct ContentDaemon: Daemon {
    public typealias Config = ContentSection
    public static let role = Role.content

    private let shelf: Shelf
    private let verifier = FileVerifier()
    private let handoff: HandoffListener?
    private let log: Logger
    private let metrics: MetricsRegistry
    private let headroom: Int64

    public init(_ environment: DaemonEnvironment<ContentSection>) async throws {
        log = environment.log
        metrics = environment.metrics
        headroom = environment.config.headroomBytes
        shelf = Shelf(directory: environment.stateDirectory, headroom: headroom, log: log)
        handoff = environment.sockets["handoff"]?.first.map {
            HandoffListener(socket: $0, log: environment.log)
        }
        // A store that cannot be opened is told of by the checks; it is tried again at each use.
        _ = try? await shelf.store()
        handoff?.start()
    }

    public func routes(_ router: inout Router) {
        router.stream(ContentInterface.Import.self) { request, context, sink in
            try await importFile(request, context, sink)
        }
        router.on(ContentInterface.List.self) { _, _ in
            try await list()
        }
        router.on(ContentInterface.Resolve.self) { request, context in
            try await resolve(request.reference, again: false, context.log)
        }
        router.on(ContentInterface.Verify.self) { request, context in
            try await resolve(request.reference, again: true, context.log)
        }
        router.on(ContentInterface.Remove.self) { request, context in
            let store = try await shelf.store()
            try await Blocking.run { try store.remove(request.reference) }
            context.log.notice("content removed", metadata: ["reference": "\(request.reference)"])
            return Done()
        }
    }

    public func checks() async -> [ControlInterface.Check] {
        var checks: [ControlInterface.Check] = []
        do {
            let store = try await shelf.store()
            try await Blocking.run { try store.probe() }
            checks.append(.init(name: "store", ok: true, reason: "\(store.layout.directory) can be written"))
            checks.append(await StoreReport.room(store, metrics))
            checks.append(await StoreReport.contents(store, verifier, metrics))
        } catch {
            checks.append(
                .init(
                    name: "store", ok: false,
                    reason: "the store cannot be used: \(WireError.wrapping(error).told)",
                    fix:
                        "Make sure that the disk is not full and that content-d may write its state directory."
                ))
        }
        checks.append(
            .init(
                name: "handoff", ok: handoff != nil,
                reason: handoff == nil ? "no handoff socket was passed in" : "files can be handed over",
                fix: handoff == nil
                    ? "Restart the node; 'infernetctl content add' does not work until then." : nil))
        return checks
    }

    /// Checks what has not been checked yet, so that damage shows in the status before a job meets it.
    public func run() async throws {
        while !Task.isCancelled {
            if let store = try? await shelf.store() {
                for item in store.items where !Task.isCancelled { await look(at: item, in: store) }
            }
            try await Task.sleep(for: .seconds(5), tolerance: .seconds(1))
        }
    }

    public func drain() async { handoff?.stop() }

    /// What is in the store, and what is known to be damaged of it. Nothing is read for it.
    private func list() async throws -> ContentInterface.List.Reply {
        let store = try await shelf.store()
        var reply = try await Blocking.run { try store.list() }
        for index in reply.entries.indices {
            let root = reply.entries[index].root
            if case .corrupt(let reason) = await verifier.standing(root, path: store.layout.file(root)) {
                reply.entries[index].problem = reason
            }
        }
        return reply
    }

    private func look(at item: StoreIndex.Item, in store: ContentStore) async {
        let (root, path) = (item.entry.root, store.layout.file(item.entry.root))
        guard await verifier.standing(root, path: path) == nil else { return }
        do {
            let result = try await verifier.check(root, path: path, size: item.entry.size)
            report(result, item, log)
        } catch {
            log.warning(
                "content could not be checked",
                metadata: ["name": "\(item.entry.name)", "error": "\(WireError.wrapping(error).told)"])
        }
    }

    private func resolve(
        _ reference: String, again: Bool, _ log: Logger
    ) async throws -> ContentInterface.Resolve.Reply {
        let store = try await shelf.store()
        let item = try store.find(reference)
        let path = store.layout.file(item.entry.root)
        let result = try await verifier.check(
            item.entry.root, path: path, size: item.entry.size, again: again)
        report(result, item, log)
        if case .corrupt(let reason) = result.verdict { throw StoreReport.corrupt(item, path: path, reason) }
        return ContentInterface.Resolve.Reply(entry: item.entry, path: path, verifyMs: result.milliseconds)
    }

    private func report(_ result: FileVerifier.Result, _ item: StoreIndex.Item, _ log: Logger) {
        let name: Logger.Metadata = ["name": "\(item.entry.name)", "root": "\(item.entry.root)"]
        if result.milliseconds > 0 {
            metrics.observe(
                "infernet_content_verify_seconds", Double(result.milliseconds) / 1000,
                help: "How long checking a stored file took.")
        }
        switch result.verdict {
        case .corrupt(let reason):
            log.error("content is corrupt", metadata: name.merging(["reason": "\(reason)"]) { $1 })
        case .intact where result.milliseconds > 0:
            log.info("content verified", metadata: name.merging(["ms": "\(result.milliseconds)"]) { $1 })
        case .intact: break
        }
    }

    private func importFile(
        _ request: ContentInterface.Import, _ context: CallContext,
        _ sink: EventSink<ContentInterface.Import.Event>
    ) async throws -> ContentInterface.Import.Reply {
        guard let token = Hex.decode(request.token, count: HandoffTable.tokenBytes),
            let descriptor = handoff?.take(token)
        else {
            throw WireError(
                .invalidRequest,
                "No file was handed over under this token, or it waited for more than 30 seconds.",
                fix: "Use 'infernetctl content add FILE', which hands the file over first.")
        }
        let store = try await shelf.store()
        let job = ImportJob(descriptor: descriptor, name: request.name, token: request.token)
        let started = ContinuousClock.now
        let (item, existed) = try await job.run(in: store) { try await sink.send(.init(done: $0, total: $1)) }
        let seconds = Double((ContinuousClock.now - started) / .milliseconds(1)) / 1000
        metrics.count(
            "infernet_content_imported_bytes_total", by: Double(item.entry.size),
            help: "Bytes taken into the store.")
        context.log.notice(
            "content added",
            metadata: [
                "name": "\(item.entry.name)", "root": "\(item.entry.root)", "bytes": "\(item.entry.size)",
                "seconds": "\(seconds)", "existed": "\(existed)",
            ])
        return ContentInterface.Import.Reply(entry: item.entry, existed: existed)
    }
}

extension WireError {
    /// The message with its cause, for a log line or a check.
    var told: String { cause.map { "\(message) (\($0))" } ?? message }
}
