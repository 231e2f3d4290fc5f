// Carries what ledger-d buys to the shops that the configuration names, with its payment, and back what they said.
// It must never read a payment, repeat a request, or let a header through that is no plain text.

import AsyncHTTPClient
import Interfaces
import NIOCore
import NIOHTTP1
import NodeConfig
import Wire

extension CarryService {
    /// One request, one answer, whatever its status.
    ///
    /// - Throws: as `carry` does.
    func shop(_ request: WSInterface.Shop, deadlineMs: Int) async throws -> WSInterface.Shop.Reply {
        guard request.endpoint.hasPrefix(CarryEndpoint.shopPrefix),
            let (client, endpoint) = known(request.endpoint)
        else { throw Self.unknown(request.endpoint) }
        var outgoing = HTTPClientRequest(url: endpoint.url)
        outgoing.method = .POST
        outgoing.headers.add(name: "Accept", value: "application/json")
        outgoing.headers.add(name: "Content-Type", value: "application/json")
        if let payment = request.payment {
            guard Self.isHeader(payment) else {
                throw WireError(.invalidParams, "'payment' is no header's value.")
            }
            outgoing.headers.add(name: HTTPReply.payment, value: payment)
        }
        outgoing.body = .bytes(ByteBuffer(string: request.body))
        do {
            let response = try await client.execute(
                outgoing, timeout: .milliseconds(Int64(max(1, deadlineMs - 100))))
            let bytes = try await response.body.collect(upTo: WSInterface.Carry.longestReply)
            guard let body = String(validating: bytes.readableBytesView, as: UTF8.self) else {
                throw WireError(.upstreamLost, "'\(request.endpoint)' answered with bytes that are no text.")
            }
            func header(_ name: String) -> String? {
                response.headers.first(name: name).flatMap { Self.isHeader($0) ? $0 : nil }
            }
            return WSInterface.Shop.Reply(
                status: Int(response.status.code), body: body, required: header(HTTPReply.paymentRequired),
                response: header(HTTPReply.paymentResponse))
        } catch { throw Self.unanswered(error, request.endpoint) }
    }

    private static func isHeader(_ text: String) -> Bool {
        (1...WSInterface.Shop.longestHeader).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
