// Proves that events come out the same however the bytes were cut.

import Testing

@testable import ExecCore

@Suite struct SSEParserTests {
    private static let stream = """
        : a comment\r\n\
        data: {"a":"ü"}\n\n\
        event: x\nid: 7\ndata:two\ndata: lines\n\n\
        data: \n\n\
        retry: 3\n\n\
        data: [DONE]\r\n\r\n
        """
    private static let events = ["{\"a\":\"ü\"}", "two\nlines", "", "[DONE]"]

    @Test(arguments: 1...40) func piecesOfEverySize(size: Int) throws {
        var parser = SSEParser()
        var found: [String] = []
        let bytes = Array(Self.stream.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            try parser.feed(bytes[start..<min(start + size, bytes.count)]) {
                found.append(String(decoding: $0, as: UTF8.self))
            }
        }
        #expect(found == Self.events)
        #expect(parser.isBetweenEvents)
    }

    @Test func anUnfinishedEventIsNotGiven() throws {
        var parser = SSEParser()
        var found = 0
        try parser.feed(Array("data: [DONE]\n".utf8)) { _ in found += 1 }
        #expect(found == 0)
        #expect(!parser.isBetweenEvents)
    }

    @Test func anEventWithoutEndIsRefused() {
        var parser = SSEParser(limit: 100)
        #expect(throws: SSEParser.TooLong()) {
            for _ in 0..<50 { try parser.feed(Array("data: xxx\n".utf8)) { _ in } }
        }
    }
}
