// Proves the listener for strangers who pay: the payment goes on unread, the price and the receipt come back as headers, no
// answer leaves that was not paid, and delivered is said of what left whole and of nothing else.

import Foundation
import IPC
import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Testing
import Wire

@testable import WSCore

@Suite(.timeLimit(.minutes(2))) struct SaleListenerTests {
    private static func post(_ body: String, _ payment: String?, extra: String = "") -> String {
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + (payment.map { "payment-signature: \($0)\r\n" } ?? "") + extra
            + "Connection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// A seller that asks for money, and takes one payment.
    private static func script(
        settles: Bool = true, _ asked: NIOLockedValueBox<[AggregatorInterface.Sell]>, _ sold: Flag
    ) -> TestScript {
        var script = TestScript()
        script.sell = { request, sink in
            asked.withLockedValue { $0.append(request) }
            guard request.payment == "Z29vZA==" else {
                throw WireError(.paymentRequired, "A payment is required.", cause: "cmVxdWlyZWQ=")
            }
            try await sink.send(.init(stage: .accepted, text: TestNode.job.text))
            if request.stream { try await sink.send(.init(stage: .paid, text: "cGFpZA==")) }
            for (index, piece) in ["Hel", "lo"].enumerated() {
                try await sink.send(.init(stage: .token, sequence: UInt64(index), text: piece))
            }
            return .init(
                job: TestNode.job, settled: settles, response: "cGFpZA==", finish: settles ? .stop : nil,
                usage: TestNode.reply.record.usage)
        }
        script.sold = {
            #expect($0 == TestNode.job); sold.raise()
        }
        return script
    }

    @Test func thePriceIsAHeaderAndThePaymentGoesOnUnread() async throws {
        let (asked, sold) = (NIOLockedValueBox<[AggregatorInterface.Sell]>([]), Flag())
        let node = try await TestNode(script: Self.script(asked, sold), adopt: ["http", "peer", "sale"])
        let unpaid = try await HTTPExchange(raw: Self.post(HTTPTests.ask, nil), port: node.salePort)
        #expect(unpaid.status == 402)
        #expect(unpaid.head.contains("payment-required: " + "cmVxdWlyZWQ=".lowercased()))
        #expect(unpaid.body.contains(#""code":"payment_required""#))
        let bad = try await HTTPExchange(raw: Self.post(HTTPTests.ask, "YmFk"), port: node.salePort)
        #expect(bad.status == 402)
        let paid = try await HTTPExchange(raw: Self.post(HTTPTests.ask, "Z29vZA=="), port: node.salePort)
        #expect(paid.status == 200)
        #expect(paid.head.contains("payment-response: " + "cGFpZA==".lowercased()))
        #expect(paid.body.contains(#""content":"Hello""#))
        #expect(await sold.raised())
        let seen = asked.withLockedValue { $0 }
        #expect(seen.map(\.payment) == [nil, "YmFk", "Z29vZA=="])
        #expect(seen.allSatisfy { $0.resource == "https://node.example/v1/chat/completions" && !$0.stream })
        // Two payments are none, and none means anything where nothing is sold.
        let two = Self.post(HTTPTests.ask, "Z29vZA==", extra: "PAYMENT-SIGNATURE: Z29vZA==\r\n")
        #expect(try await HTTPExchange(raw: two, port: node.salePort).status == 400)
        let free = try await HTTPExchange(raw: Self.post(HTTPTests.ask, "YmFk"), port: node.httpPort)
        #expect(free.status == 200 && !free.head.contains("payment-response"))
        #expect(sold.count == 1 && asked.withLockedValue { $0.count } == 3)
        for path in ["/healthz", "/metrics"] {
            #expect(try await HTTPExchange(get: path, port: node.salePort).status == 404)
        }
        await node.stop()
    }

    @Test func aStreamBeginsWithItsReceipt() async throws {
        let (asked, sold) = (NIOLockedValueBox<[AggregatorInterface.Sell]>([]), Flag())
        let node = try await TestNode(script: Self.script(asked, sold), adopt: ["http", "peer", "sale"])
        let paid = try await HTTPExchange(
            raw: Self.post(HTTPTests.askStream, "Z29vZA=="), port: node.salePort)
        #expect(paid.status == 200)
        #expect(paid.head.contains("payment-response: " + "cGFpZA==".lowercased()))
        #expect(paid.body.hasSuffix("data: [DONE]\n\n"))
        #expect(await sold.raised())
        #expect(asked.withLockedValue { $0.first?.stream } == true)
        await node.stop()
    }

    @Test func whatCouldNotBeSettledIsNotGiven() async throws {
        let (asked, sold) = (NIOLockedValueBox<[AggregatorInterface.Sell]>([]), Flag())
        let node = try await TestNode(
            script: Self.script(settles: false, asked, sold), adopt: ["http", "peer", "sale"])
        let answer = try await HTTPExchange(raw: Self.post(HTTPTests.ask, "Z29vZA=="), port: node.salePort)
        #expect(answer.status == 402)
        #expect(answer.head.contains("payment-response: ") && !answer.head.contains("payment-required: "))
        #expect(!answer.body.contains("Hello"))
        #expect(sold.count == 0)
        await node.stop()
    }
}
