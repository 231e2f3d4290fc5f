// Proves that a connection is handed to the next process only when every byte of it belongs to a request that ended.

import NIOCore
import Testing

@testable import WSCore

@Suite struct RequestArrivalTests {
    private let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: a\rb\r\nContent-Length: 4\r\n\r\n"

    private func arrival(of chunks: [String], body: Int) -> RequestArrival {
        var arrival = RequestArrival()
        arrival.begin(with: ByteBuffer(string: chunks.first ?? ""))
        for chunk in chunks { arrival.add(chunk.utf8.count) }
        arrival.end(body: body)
        return arrival
    }

    @Test func aRequestThatCameWholeLeavesNothing() {
        #expect(!arrival(of: [head + "four"], body: 4).holdsMore)
        #expect(!arrival(of: [head, "fo", "ur"], body: 4).holdsMore)
    }

    @Test func aByteBehindARequestIsMore() {
        #expect(arrival(of: [head + "fourG"], body: 4).holdsMore)
        #expect(arrival(of: [head, "fourGET / HTTP/1.1\r\n"], body: 4).holdsMore)
    }

    @Test func aHeadInTwoPiecesIsTakenForMore() {
        #expect(arrival(of: [String(head.dropLast(1)), "\nfour"], body: 4).holdsMore)
        #expect(arrival(of: ["", head + "four"], body: 4).holdsMore)
    }

    @Test func whatOneRequestLeftStays() {
        var arrival = arrival(of: [head + "fourG"], body: 4)
        arrival.begin(with: ByteBuffer(string: head))
        arrival.add(head.utf8.count)
        arrival.end(body: 0)
        #expect(arrival.holdsMore)
    }
}
