// Proves that whatever a daemon writes becomes one bounded JSON line in its own name.

import Testing
import Wire

@testable import SupervisorCore

struct LogLineTests {
    private func normalised(_ text: String) -> String {
        String(decoding: LogLine.normalised(Array(text.utf8), from: .exec, at: 0), as: UTF8.self)
    }

    @Test func jsonInItsOwnNameStaysAsItIs() {
        let line = #"{"ts":"2026-01-01T00:00:00.000Z","daemon":"exec-d","msg":"hi"}"#
        #expect(normalised(line) == line)
    }

    @Test func jsonWithoutANameGetsIt() {
        #expect(normalised(#"{"msg":"hi"}"#) == #"{"daemon":"exec-d","msg":"hi"}"#)
        #expect(normalised("{}") == #"{"daemon":"exec-d"}"#)
    }

    @Test(arguments: [
        "plain text", #"{"broken":"#, "[1]", #"{"a":1,"a":2}"#,
        #"{"daemon":"ledger-d","msg":"I am another"}"#,
        #"{"daemon":"exec-d","daemon":"ledger-d"}"#, "\u{1b}[31mred", "quote \" and \\",
    ])
    func anythingElseIsQuoted(text: String) throws {
        let line = Array(normalised(text).utf8)
        #expect(LogLine.facts(line) == .init(daemon: "exec-d", job: nil, time: "1970-01-01T00:00:00.000Z"))
        #expect(LogLine.normalised(line, from: .exec, at: 1) == line, "the quotation is a proper line itself")
        #expect(String(decoding: line, as: UTF8.self).contains(#""raw":true"#))
    }

    @Test func bytesThatAreNotTextDoNotBreakTheLog() {
        let line = LogLine.normalised([0xff, 0xfe, 0x00], from: .exec, at: 0)
        #expect(LogLine.normalised(line, from: .exec, at: 0) == line)
    }

    @Test func filtersLookAtNameJobAndTime() {
        let line = Array(#"{"ts":"2026-05-01T00:00:00.000Z","daemon":"exec-d","job":"j1","msg":"x"}"#.utf8)
        #expect(LogFilter().matches(line))
        #expect(LogFilter(daemon: .exec, job: "j1").matches(line))
        #expect(!LogFilter(daemon: .ledger).matches(line))
        #expect(!LogFilter(job: "j2").matches(line))
        #expect(LogFilter(since: 1_777_593_600_000).matches(line))
        #expect(!LogFilter(since: 1_777_593_600_001).matches(line))
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (1_777_593_600_000, "2026-05-01T00:00:00.000Z"), (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func timesAreCivil(milliseconds: Int64, text: String) {
        #expect(Timestamp.text(milliseconds) == text)
    }

    @Test func linesComeWholeHoweverTheyAreCut() {
        let text = Array("one\ntwo\n\nthree".utf8)
        for cut in 0...text.count {
            var splitter = LineSplitter()
            var lines = splitter.take(text[..<cut])
            lines += splitter.take(text[cut...])
            lines += splitter.flush()
            #expect(lines == ["one", "two", "three"].map { Array($0.utf8) })
        }
    }

    @Test func anEndlessLineIsBounded() {
        var splitter = LineSplitter()
        for _ in 0..<100 { #expect(splitter.take([UInt8](repeating: 0x61, count: 1000)).isEmpty) }
        let lines = splitter.take(Array("\nnext\n".utf8))
        #expect(lines.count == 2 && lines[1] == Array("next".utf8))
        #expect(lines[0].count < LineSplitter.longest + 64)
        #expect(String(decoding: lines[0].suffix(30), as: UTF8.self).contains("[83616 more bytes left out]"))
    }
}
