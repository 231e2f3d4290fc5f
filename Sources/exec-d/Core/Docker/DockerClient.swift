// The dozen calls of Docker's Engine API that exec-d makes, each with its deadline and typed failure.
// It must never pass on what a caller of exec-d wrote: bodies come from the container template alone.

import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import Synchronization
import Wire

/// Docker, by its Unix socket.
final class DockerClient: Sendable {
    private let http: UnixHTTP
    private let spoken = Mutex<APIVersion?>(nil)

    init(client: HTTPClient, socketPath: String) {
        http = UnixHTTP(client: client, socketPath: socketPath)
    }

    var socketPath: String { http.socketPath }

    // MARK: The engine and its images

    /// Whether anybody answers.
    func ping(within limit: Duration = .seconds(2)) async throws(DockerError) {
        _ = try await call(
            DockerCall(
                method: "GET", path: "/_ping", subject: .engine, words: "a ping", limit: limit,
                versioned: false))
    }

    func version(within limit: Duration = .seconds(2)) async throws(DockerError) -> DockerVersion {
        let call = DockerCall(
            method: "GET", path: "/version", subject: .engine, words: "to tell its version", limit: limit,
            versioned: false)
        return try await decode(DockerVersion.self, call)
    }

    /// - Throws: `noSuchImage` when Docker does not have it.
    func image(_ id: String, within limit: Duration = .seconds(2)) async throws(DockerError) -> DockerImage {
        try await decode(
            DockerImage.self,
            DockerCall(
                method: "GET", path: "/images/\(id)/json", subject: .image, words: "to show image \(id)",
                limit: limit))
    }

    // MARK: Containers

    /// - Returns: the container's id.
    func create(_ body: ContainerBody, name: String) async throws(DockerError) -> String {
        let json: [UInt8]
        do { json = try body.json() } catch {
            throw DockerError(
                kind: .unreadable, message: "the container's description cannot be written: \(error)")
        }
        let call = DockerCall(
            method: "POST", path: "/containers/create?name=\(name)", subject: .container,
            words: "to create a container", body: json, limit: .seconds(20))
        return try await decode(DockerCreated.self, call).id
    }

    func start(_ id: String) async throws(DockerError) {
        _ = try await call(
            DockerCall(
                method: "POST", path: "/containers/\(id)/start", subject: .container,
                words: "to start a container",
                limit: .seconds(20)))
    }

    func inspect(_ id: String) async throws(DockerError) -> DockerContainer {
        try await decode(
            DockerContainer.self,
            DockerCall(
                method: "GET", path: "/containers/\(id)/json", subject: .container,
                words: "to show a container"))
    }

    /// Kills the container if it runs, and deletes it. One that is gone already is no error.
    func remove(_ id: String, within limit: Duration = .seconds(15)) async throws(DockerError) {
        let call = DockerCall(
            method: "DELETE", path: "/containers/\(id)?force=1&v=1", subject: .container,
            words: "to remove a container", limit: limit)
        do { _ = try await self.call(call) } catch  where error.kind == .noSuchContainer {
            return
        } catch  where error.kind == .conflict && error.message.contains("already in progress") {
            return
        }
    }

    /// Sends SIGKILL. One that does not run is a `conflict`.
    func kill(_ id: String) async throws(DockerError) {
        _ = try await call(
            DockerCall(
                method: "POST", path: "/containers/\(id)/kill", subject: .container,
                words: "to kill a container"))
    }

    /// Waits until the container is not running, however long that takes.
    /// - Returns: the exit code.
    func wait(_ id: String, within limit: Duration = .seconds(86_400)) async throws(DockerError) -> Int {
        // An engine lives for days; a day is the bound of one call, and the caller asks again.
        let call = DockerCall(
            method: "POST", path: "/containers/\(id)/wait", subject: .container,
            words: "to wait for a container", limit: limit)
        return try await decode(DockerWaited.self, call).statusCode
    }

    /// All containers, running or not, that carry a label.
    func list(label: String, value: String) async throws(DockerError) -> [DockerListed] {
        let filter = "{\"label\":[\"\(label)=\(value)\"]}"
        return try await decode(
            [DockerListed].self,
            DockerCall(
                method: "GET", path: "/containers/json?all=1&filters=\(UnixHTTP.percentEncoded(filter))",
                subject: .container, words: "to list containers"))
    }

    /// The last lines that the container wrote, without Docker's framing.
    func lastLines(_ id: String, count: Int) async throws(DockerError) -> [String] {
        let call = DockerCall(
            method: "GET", path: "/containers/\(id)/logs?stdout=1&stderr=1&tail=\(count)",
            subject: .container,
            words: "to show a container's log")
        return DockerLog.lines(try await self.call(call))
    }

    // MARK: The call itself

    private func decode<Value: Decodable>(_ type: Value.Type, _ call: DockerCall) async throws(DockerError)
        -> Value
    {
        let bytes = try await self.call(call)
        do { return try WireCoding.decoder.decode(Value.self, from: Data(bytes)) } catch {
            throw DockerError(
                kind: .unreadable,
                message: "Docker's answer to the request \(call.words) cannot be read: \(error)")
        }
    }

    private func call(_ call: DockerCall) async throws(DockerError) -> [UInt8] {
        let prefix = call.versioned ? "/v\(try await negotiated())" : ""
        let answer: UnixHTTP.Answer
        do {
            answer = try await http.send(call.method, prefix + call.path, json: call.body, within: call.limit)
        } catch { throw failure(error, call) }
        // 304: a container was already started, or already stopped, as we wanted it.
        if (200..<300).contains(answer.status) || answer.status == 304 { return answer.body }
        let said = try? WireCoding.decoder.decode(DockerRefusal.self, from: Data(answer.body))
        throw DockerError.refusal(call, status: answer.status, message: said?.message ?? "")
    }

    private func negotiated() async throws(DockerError) -> APIVersion {
        if let known = spoken.withLock({ $0 }) { return known }
        let version = try await version()
        guard let chosen = version.spoken else {
            throw DockerError(
                kind: .refused(status: 400),
                message: "Docker \(version.version) speaks API \(version.apiVersion); "
                    + "\(DockerVersion.wanted) is needed")
        }
        spoken.withLock { $0 = chosen }
        return chosen
    }

    private func failure(_ error: any Error, _ call: DockerCall) -> DockerError {
        if let timedOut = error as? UnixHTTP.TimedOut {
            return DockerError(
                kind: .slow,
                message: "Docker did not answer within \(timedOut.limit) when asked \(call.words)")
        }
        guard let system = error as? IOError else {
            return DockerError(kind: .notAnswering, message: "the connection to Docker broke (\(error))")
        }
        switch system.errnoCode {
        case 2, 20:  // ENOENT, ENOTDIR
            return DockerError(kind: .noSocket, message: "no Docker socket at \(socketPath)")
        case 13, 1:  // EACCES, EPERM
            return DockerError(
                kind: .permissionDenied, message: "no permission to use Docker's socket \(socketPath)")
        case 111:  // ECONNREFUSED
            return DockerError(
                kind: .notAnswering, message: "nobody listens on Docker's socket \(socketPath)")
        default:
            return DockerError(
                kind: .notAnswering, message: "Docker's socket \(socketPath) cannot be reached (\(system))")
        }
    }
}
