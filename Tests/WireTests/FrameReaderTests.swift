// Proves that a stream is cut into frames at the right places and that lengths are judged before bytes.

import Testing
import Wire

@Suite struct FrameReaderTests {
    private func step(_ bytes: [UInt8], limit: Int = 64) throws -> FrameReader.Step {
        try bytes.withUnsafeBytes { try FrameReader(limit: limit).next($0) }
    }

    @Test func asksForWhatIsMissing() throws {
        #expect(try step([]) == .need(4))
        #expect(try step([0, 0]) == .need(2))
        #expect(try step([0, 0, 0, 3]) == .need(3))
        #expect(try step([0, 0, 0, 3, 1]) == .need(2))
    }

    @Test func findsOneFrameAndLeavesTheRest() throws {
        #expect(try step([0, 0, 0, 2, 7, 8, 9]) == .frame(4..<6))
    }

    @Test func refusesALengthOverTheLimitBeforeItsBytesCome() {
        #expect(throws: WireError(.tooLarge, "")) { try step([0, 0, 0, 65]) }
        #expect(throws: WireError(.tooLarge, "")) { try step([0xFF, 0xFF, 0xFF, 0xFF]) }
    }

    @Test func refusesAnEmptyFrame() {
        #expect(throws: WireError(.parseError, "")) { try step([0, 0, 0, 0]) }
    }
}
