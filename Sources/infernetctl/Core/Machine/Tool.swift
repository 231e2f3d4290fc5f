// Runs a program of the machine, like systemctl, and gives what it said.
// It must never run anything through a shell, nor wait without a deadline.

import Dispatch
import Foundation
import Synchronization
import Wire

/// A program of the machine.
enum Tool {
    /// How it ended and what it said.
    struct Outcome: Sendable {
        var status: Int32
        var output: String
        var errors: String
        var isFine: Bool { status == 0 }
    }

    /// Whether the machine has it.
    static func isThere(_ name: String) -> Bool { path(of: name) != nil }

    private static func path(of name: String) -> String? {
        ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].map {
            "\($0)/\(name)"
        }
        .first { access($0, X_OK) == 0 }
    }

    /// Runs it to its end; blocks, so call it through `Reading.offLoop` where others wait.
    ///
    /// - Throws: `not_found` when the machine does not have it, `deadline_exceeded` when it was stopped.
    static func run(_ words: [String], input: [UInt8] = [], seconds: Int = 20) throws -> Outcome {
        let process = try prepare(words)
        let (output, errors, feed) = (Pipe(), Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = feed
        try process.run()
        let late = Mutex(false)
        let timer = DispatchSource.makeTimerSource(queue: .global())
        timer.schedule(deadline: .now() + .seconds(seconds))
        timer.setEventHandler {
            late.withLock { $0 = true }
            process.terminate()
        }
        timer.resume()
        defer { timer.cancel() }
        // Each pipe has a reader of its own: a full one would stop the program.
        let said = Mutex(Data())
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) {
            let data = errors.fileHandleForReading.readDataToEndOfFile()
            said.withLock { $0 = data }
        }
        try? feed.fileHandleForWriting.write(contentsOf: Data(input))
        try? feed.fileHandleForWriting.close()
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        group.wait()
        process.waitUntilExit()
        if late.withLock({ $0 }) {
            throw WireError(.deadlineExceeded, "'\(words[0])' did not end within \(seconds) s.")
        }
        return Outcome(
            status: process.terminationStatus, output: String(decoding: answer, as: UTF8.self),
            errors: String(decoding: said.withLock { $0 }, as: UTF8.self))
    }

    /// Runs it to its end and gives its output.
    ///
    /// - Throws: `unavailable` with its own words when it fails.
    @discardableResult
    static func must(_ words: [String], input: [UInt8] = [], seconds: Int = 60) throws -> String {
        let done = try run(words, input: input, seconds: seconds)
        guard done.isFine else {
            throw WireError(
                .unavailable, "'\(words.joined(separator: " "))' failed with exit code \(done.status).",
                cause: done.errors.split(separator: "\n").suffix(3).joined(separator: "; "))
        }
        return done.output
    }

    /// Runs it and gives each line of its output as it comes, until it ends. Ctrl-C ends both.
    static func lines(_ words: [String], _ each: (String) -> Void) throws {
        let process = try prepare(words)
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        var rest = Data()
        while case let data = output.fileHandleForReading.availableData, !data.isEmpty {
            rest += data
            while let end = rest.firstIndex(of: 0x0A) {
                each(String(decoding: rest[rest.startIndex..<end], as: UTF8.self))
                rest = Data(rest[rest.index(after: end)...])
            }
        }
        process.waitUntilExit()
    }

    private static func prepare(_ words: [String]) throws -> Process {
        guard let name = words.first, let path = path(of: name) else {
            throw WireError(.notFound, "This machine has no '\(words.first ?? "")'.")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = Array(words.dropFirst())
        process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"]
        return process
    }
}
