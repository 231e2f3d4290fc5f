// Proves that a child made of a standby is in nothing that the kernel knows another than a fresh one, and that children
// start without it when it cannot be had.

import Foundation
import Glibc
import TestKit
import Testing

@testable import NodeSystem

@Suite(.serialized) struct StandbyTests {
    let directory: TemporaryDirectory
    let thread: SpawnThread

    init() throws {
        directory = try TemporaryDirectory()
        chmod(directory.path, 0o755)
        thread = try SpawnThread()
        let shim = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let sources = shim.appending(path: "Sources/Shared/CHost").path
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "cc", "-std=gnu11", "-O1", "-static", "-I\(sources)/include", "-o", program,
            shim.appending(path: "Tests/Standby/facts.c").path, "\(sources)/spawn.c", "\(sources)/standby.c",
        ]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "the program cannot be compiled")
        for name in ["other-d", Standby.program] { link(program, "\(directory.path)/\(name)") }
    }

    private var program: String { "\(directory.path)/some-d" }

    /// Everything that a request can ask for.
    private func request() throws -> (request: SpawnRequest, close: [Int32]) {
        let config = try SealedFile.make(name: "config", bytes: Array("alpha".utf8))
        let (input, hold) = try UnixSocket.pair()
        var request = SpawnRequest(
            executable: program, environment: ["A": "b", "C": "d e"], directory: directory.path)
        request.passed = [.init("one", config), .init("two", input)]
        request.fileMask = 0o027
        request.limits = [.coreBytes(0), .openFiles(77), .dataBytes(1 << 30)]
        if geteuid() == 0 {
            request.identity = .init(uid: 61_777, gid: 61_778, groups: [61_779, 61_780])
            request.dropsCapabilities = true
        }
        if LandlockRuleset.kernelVersion != nil {
            let ruleset = try LandlockRuleset(forbidsTCP: false)
            try ruleset.allow(.read, at: "/proc")
            try ruleset.allow(.execute, at: program)
            request.landlockRuleset = fcntl(ruleset.descriptor, F_DUPFD_CLOEXEC, 100)
        }
        // Everything is allowed: one instruction, SECCOMP_RET_ALLOW.
        request.seccompFilter = [0x7FFF_0000_0000_0006]
        return (request, [config, input, hold] + (request.landlockRuleset.map { [$0] } ?? []))
    }

    /// What a child says, and by which way it came.
    private func facts(
        by other: SpawnThread? = nil, _ change: (inout SpawnRequest) -> Void = { _ in }
    ) async throws -> (facts: String, way: String) {
        var (request, descriptors) = try request()
        defer { for descriptor in descriptors { close(descriptor) } }
        change(&request)
        let (reading, writing) = try BytePipe.make()
        let (readingWay, writingWay) = try BytePipe.make()
        defer { for descriptor in [reading, readingWay] { close(descriptor) } }
        request.standardOutput = writing
        request.standardError = writingWay
        let exit = ExitBox()
        do { _ = try await (other ?? thread).spawn(request) { exit.set($0) } } catch {
            close(writing)
            close(writingWay)
            throw error
        }
        close(writing)
        close(writingWay)
        #expect(await exit.value() == .exited(0))
        return (Self.all(reading), Self.all(readingWay))
    }

    private static func all(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Waits until one stands ready.
    private func ready() async throws -> Int32 {
        for _ in 0..<1_000 {
            if let pid = standby() { return pid }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw SystemError(.callFailed, "no standby within ten seconds")
    }

    /// The pid of a child of this process that waits in the standby's program.
    private func standby() -> Int32? {
        let path = "\(directory.path)/\(Standby.program)"
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(name),
                let title = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline"),
                String(decoding: title.prefix { $0 != 0 }, as: UTF8.self) == path
            else { continue }
            return pid
        }
        return nil
    }

    @Test func isWhatAFreshChildIs() async throws {
        let fresh = try await facts()
        #expect(fresh.way == "fresh\n")
        thread.keepStandby("\(directory.path)/\(Standby.program)")
        let waiting = try await ready()
        let made = try await facts()
        #expect(made.way == "standby\n")
        #expect(made.facts == fresh.facts)
        #expect(made.facts.contains("LISTEN_PID mine") && made.facts.contains("NoNewPrivs:\t1"))
        // And there is another one soon.
        #expect(try await ready() != waiting)
        thread.stop()
    }

    @Test func anotherFileOrArgumentsStartFresh() async throws {
        thread.keepStandby("\(directory.path)/\(Standby.program)")
        let waiting = try await ready()
        try FileManager.default.copyItem(atPath: program, toPath: program + ".copy")
        let copy = program + ".copy"
        #expect(
            try await facts {
                $0.executable = copy; $0.landlockRuleset = nil
            }.way == "fresh\n")
        #expect(try await facts { $0.arguments = ["x"] }.way == "fresh\n")
        #expect(standby() == waiting)
        let other = "\(directory.path)/other-d"
        #expect(try await facts { $0.executable = other }.facts.contains("Name:\tother-d"))
        thread.stop()
    }

    @Test func withoutOneChildrenStartAsEver() async throws {
        thread.keepStandby("\(directory.path)/\(Standby.program)")
        kill(try await ready(), SIGKILL)
        #expect(try await facts().facts.contains("path \(program)"))
        // One that is stopped never answers: the child is started another way after half a second.
        let second = try SpawnThread()
        second.keepStandby("\(directory.path)/\(Standby.program)")
        kill(try await ready(), SIGSTOP)
        let exit = ExitBox()
        _ = try await second.spawn(SpawnRequest(executable: program)) { exit.set($0) }
        #expect(await exit.value() == .exited(0))
        second.stop()
        thread.stop()
    }

    /// Killed between hearing of its task and doing it, its end of the socket closes as if all were done.
    @Test func oneThatDiesWhileItIsAskedIsNoChild() async throws {
        for _ in 0..<40 {
            let thread = try SpawnThread()
            thread.keepStandby("\(directory.path)/\(Standby.program)")
            kill(try await ready(), SIGKILL)
            #expect(try await facts(by: thread).way == "fresh\n")
            thread.stop()
        }
    }

    @Test func whatCannotBeTakenOnIsToldAsEver() async throws {
        thread.keepStandby("\(directory.path)/\(Standby.program)")
        _ = try await ready()
        let missing = "\(directory.path)/nowhere"
        await #expect(throws: SystemError.self) { _ = try await facts { $0.directory = missing } }
        thread.stop()
    }
}
