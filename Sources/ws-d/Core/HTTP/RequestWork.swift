// Makes the answer to a whole request: asks the daemon that knows, and turns what it says into HTTP.
// It must never wait without a deadline.

import IPC
import Interfaces
import NIOCore
import NodeConfig
import NodeModel
import Wire

/// Starts the work of a route.
enum RequestWork {
    /// - Returns: the task, for cancelling; nil when the answer is sent already.
    static func start(_ route: Route, _ body: ByteBuffer, _ connection: HTTPConnection) -> Task<Void, Never>?
    {
        switch route {
        case .chat: return ask(body, connection, ChatRequest.parse)
        case .responses: return ask(body, connection, ResponsesRequest.parse)
        case .models: return answer(connection) { try await models(connection.service) }
        case .model(let name): return answer(connection) { try await model(name, connection.service) }
        case .health: return answer(connection) { await health(connection.service) }
        case .metrics: return answer(connection) { try await metrics(connection.service) }
        }
    }

    /// Asks a model, if the body is understood.
    private static func ask(
        _ body: ByteBuffer, _ connection: HTTPConnection,
        _ parse: (UnsafeRawBufferPointer) throws(APIError) -> any AnswerRequest
    ) -> Task<Void, Never>? {
        do {
            // The closure's own error type is erased by the buffer's signature.
            let outcome = body.withUnsafeReadableBytes { bytes -> Result<any AnswerRequest, APIError> in
                do throws(APIError) { return .success(try parse(bytes)) } catch { return .failure(error) }
            }
            let request = try outcome.get()
            try connection.service.beginCompletion()
            let exchange = AnswerExchange(request, connection)
            return Task.immediate(executorPreference: connection.service.executor) { await exchange.run() }
        } catch {
            connection.send(HTTPReply(error))
            return nil
        }
    }

    private static func answer(
        _ connection: HTTPConnection, _ make: @escaping @Sendable () async throws -> HTTPReply
    ) -> Task<Void, Never> {
        Task.immediate(executorPreference: connection.service.executor) {
            let reply: HTTPReply
            do { reply = try await make() } catch let error as APIError { reply = HTTPReply(error) } catch {
                reply = HTTPReply(APIError(WireError.wrapping(error)))
            }
            if connection.isAnswering { connection.send(reply) }
        }
    }

    private static func models(_ service: HTTPService) async throws -> HTTPReply {
        let reply = try await service.aggregator.call(AggregatorInterface.Models())
        var writer = JSONWriter()
        ModelsWriter.list(reply.models.filter { $0.local || service.sale == nil }, &writer)
        return HTTPReply(200, type: HTTPReply.json, body: writer.bytes)
    }

    private static func model(_ name: String, _ service: HTTPService) async throws -> HTTPReply {
        let reply = try await service.aggregator.call(AggregatorInterface.Models())
        guard
            let model = reply.models.first(where: {
                ($0.name == name || $0.root.hex == name) && ($0.local || service.sale == nil)
            })
        else {
            throw APIError(
                404,
                "The model '\(name.prefix(128))' does not exist here. GET /v1/models lists those that do.",
                param: "model", code: "model_not_found")
        }
        var writer = JSONWriter()
        ModelsWriter.one(model, &writer)
        return HTTPReply(200, type: HTTPReply.json, body: writer.bytes)
    }

    private static func health(_ service: HTTPService) async -> HTTPReply {
        do {
            return HTTPReply(
                health: try await service.supervisor.call(
                    SupervisorInterface.Health(), deadlineMs: HTTPService.supervisorPatienceMs))
        } catch {
            let wire = WireError.wrapping(error)
            return HTTPReply(
                health: SupervisorInterface.Health.Reply(
                    state: .degraded, reason: "the supervisor did not say how the node is: \(wire.message)",
                    fix: wire.fix ?? "Look at 'infernetctl status'."))
        }
    }

    private static func metrics(_ service: HTTPService) async throws -> HTTPReply {
        let reply = try await service.supervisor.call(
            SupervisorInterface.Metrics(), deadlineMs: HTTPService.supervisorPatienceMs)
        return HTTPReply(200, type: "text/plain; version=0.0.4; charset=utf-8", body: Array(reply.text.utf8))
    }
}
