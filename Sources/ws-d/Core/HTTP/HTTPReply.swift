// A whole answer of the HTTP API: status, headers, body.
// It must never carry a header whose value a client chose.

import Interfaces
import NIOHTTP1
import NodeModel
import Wire

/// A response that is sent at once.
struct HTTPReply {
    var status: Int
    var headers: [(String, String)] = []
    var body: [UInt8]

    static let json = "application/json"
    /// x402's headers: what is required, what came, what became of it.
    static let paymentRequired = "PAYMENT-REQUIRED"
    static let payment = "PAYMENT-SIGNATURE"
    static let paymentResponse = "PAYMENT-RESPONSE"

    init(_ status: Int, type: String, body: [UInt8]) {
        self.status = status
        headers = [("content-type", type)]
        self.body = body
    }

    /// An error in OpenAI's shape, with Retry-After when it is known and Allow where it is due.
    init(_ error: APIError) {
        var writer = JSONWriter()
        error.write(to: &writer)
        self.init(error.status, type: Self.json, body: writer.bytes)
        if let seconds = error.retryAfterSeconds { headers.append(("retry-after", String(seconds))) }
        if error.status == 405 { headers.append(("allow", "GET, HEAD, POST")) }
    }

    /// The node's health: 200 when it is ready, 503 with the reason when it is not.
    init(health: SupervisorInterface.Health.Reply) {
        var writer = JSONWriter()
        writer.literal("{\"status\":")
        writer.string(health.state.rawValue)
        writer.literal(",\"reason\":")
        writer.string(health.reason)
        if let fix = health.fix {
            writer.literal(",\"fix\":")
            writer.string(fix)
        }
        writer.literal("}")
        self.init(health.state == .ready ? 200 : 503, type: Self.json, body: writer.bytes)
    }

    /// The headers that name a job: OpenAI's clients show the first in their errors.
    static func headers(of job: JobID?) -> [(String, String)] {
        job.map { [("x-request-id", $0.text), ("infernet-job", $0.text)] } ?? []
    }
}
