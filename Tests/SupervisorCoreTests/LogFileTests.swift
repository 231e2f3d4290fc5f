// Proves that the log keeps its bounds, loses no line between old and new, and survives a disk that refuses.

import FoundationEssentials
import Interfaces
import NodeSystem
import Testing
import Wire

@testable import SupervisorCore

struct LogFileTests {
    let folder: String

    init() throws {
        folder = TestFolder.make("log")
    }

    private func lines(_ name: String) -> [String] {
        let data = FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data()
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private func numbered(_ range: Range<Int>) -> [[UInt8]] {
        range.map { Array(#"{"daemon":"exec-d","job":"j\#($0 % 3)","n":\#($0)}"#.utf8) }
    }

    @Test func rotatesBySizeAndKeepsThree() throws {
        var file = LogFile(path: "\(folder)/node.jsonl", limit: 1000)
        for number in 0..<200 { try file.append(numbered(number..<number + 1)) }
        file.close()
        let all = ["node.jsonl.2", "node.jsonl.1", "node.jsonl"].map(lines)
        for part in all { #expect(part.joined(separator: "\n").utf8.count < 1000 && !part.isEmpty) }
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/node.jsonl.3"))
        let kept = all.flatMap { $0 }
        #expect(kept == numbered(200 - kept.count..<200).map { String(decoding: $0, as: UTF8.self) })
    }

    @Test func rotatesInsideABatchToo() throws {
        var file = LogFile(path: "\(folder)/node.jsonl", limit: 1000)
        try file.append(numbered(0..<50))
        file.close()
        #expect(lines("node.jsonl").last?.contains(#""n":49"#) == true)
        #expect(lines("node.jsonl.1").count > 5)
    }

    @Test func goesOnAfterALineThatWasCutInHalf() throws {
        TestFolder.write("{\"half", to: "\(folder)/node.jsonl")
        var file = LogFile(path: "\(folder)/node.jsonl")
        try file.append(numbered(0..<1))
        #expect(lines("node.jsonl").count == 2)
    }

    @Test func aFullDiskIsAnErrorAndNotTheEnd() {
        var file = LogFile(path: "/dev/full")
        #expect(throws: (any Error).self) { try file.append([Array("x".utf8)]) }
        #expect(throws: (any Error).self) { try file.append([Array("x".utf8)]) }
    }

    @Test(arguments: [1, 7, 60, 1000]) func readsTheLastLinesAcrossFiles(tail: Int) throws {
        var file = LogFile(path: "\(folder)/node.jsonl", limit: 2000)
        try file.append(numbered(0..<100))
        let found = LogHistory.last(tail, matching: LogFilter(job: "j1"), in: file.snapshot())
        let all: [String] = ["node.jsonl.2", "node.jsonl.1", "node.jsonl"].flatMap { lines($0) }
        let kept = all.filter { $0.contains("j1") }
        #expect(found.map { String(decoding: $0, as: UTF8.self) } == kept.suffix(tail))
    }

    @Test func readsLinesThatLieAcrossBlocks() throws {
        let long = (0..<40).map { Array("\($0) ".utf8) + [UInt8](repeating: 0x61, count: 15_000) }
        var file = LogFile(path: "\(folder)/node.jsonl")
        try file.append(long)
        #expect(LogHistory.last(1000, matching: LogFilter(), in: file.snapshot()) == long)
    }

    @Test func followersSeeEveryLineOnceAfterTheHistory() async throws {
        let hub = LogHub(folder: folder) { 0 }
        for line in numbered(0..<10) { hub.take(line, from: .exec) }
        let (history, live, follower) = await hub.open(tail: 100, filter: LogFilter(), follow: true)
        for line in numbered(10..<20) { hub.take(line, from: .exec) }
        var seen = history
        for await line in try #require(live) {
            seen.append(line)
            if seen.count == 20 { break }
        }
        hub.unfollow(try #require(follower))
        #expect(seen == numbered(0..<20))
    }

    @Test func keepsTheLastWordsOfEachDaemon() {
        let hub = LogHub(folder: folder) { 0 }
        for number in 0..<30 { hub.take(Array("line \(number)".utf8), from: .ws) }
        let last = hub.lastLines(of: .ws)
        #expect(last.count == 20)
        #expect(last.first?.contains("line 10") == true && last.last?.contains("line 29") == true)
        #expect(hub.lastLines(of: .exec).isEmpty)
    }

    @Test func saysWhyItCannotWrite() {
        let hub = LogHub(folder: "/nonexistent") { 0 }
        hub.take(Array("x".utf8), from: .ws)
        hub.flush()
        #expect(hub.trouble?.contains("/nonexistent/node.jsonl") == true)
        #expect(hub.lastLines(of: .ws).count == 1, "the last words are in memory all the same")
    }

    @Test func deathsSurviveARestartAndAreBounded() {
        let path = "\(folder)/deaths.json"
        var book = DeathBook(path: path)
        for number in 0..<40 { book.add(death(Int32(number))) }
        DeathBook.flush()
        let again = DeathBook(path: path)
        #expect(again.deaths.map(\.pid) == Array(8..<40))
        #expect(again.last(of: .exec) == death(39) && again.last(of: .ws) == nil)
    }

    @Test func aSpoiltBookIsSetAside() {
        let path = "\(folder)/deaths.json"
        TestFolder.write("[{", to: path)
        #expect(DeathBook(path: path).deaths.isEmpty)
        #expect(FileManager.default.fileExists(atPath: path + ".corrupt"))
    }

    private func death(_ pid: Int32) -> SupervisorInterface.Death {
        .init(
            daemon: .exec, pid: pid, at: 5, exit: .signalled(11), reason: "killed by SIGSEGV", uptimeMs: 7,
            lastLines: ["last"])
    }
}

/// Fresh folders for tests.
enum TestFolder {
    static func make(_ name: String) -> String {
        let path = "/tmp/infernet-\(name)-\(UInt64.random(in: 0 ... .max))"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    static func write(_ text: String, to path: String) {
        _ = FileManager.default.createFile(atPath: path, contents: Data(text.utf8))
    }
}
