// Proves what the command line means, and that a wrong configuration is told to people until it is right.

import FoundationEssentials
import Glibc
import IPC
import Interfaces
import Logging
import NIOCore
import NIOPosix
import NodeConfig
import NodeSystem
import Synchronization
import Testing
import Wire

@testable import SupervisorCore

@Suite(.serialized) struct SupervisorMainTests {
    @Test func argumentsAreWhatTheyAre() throws {
        #expect(try SupervisorMain.Arguments([]) == SupervisorMain.Arguments([]))
        let both = try SupervisorMain.Arguments(["--config", "/a", "--check"])
        #expect(both.config == "/a" && both.check)
        for words in [["--config"], ["--chek"], ["x"]] {
            #expect(throws: WireError(.invalidParams, "")) { try SupervisorMain.Arguments(words) }
        }
    }

    @Test func checkTellsByItsExitCode() async throws {
        let path = TestFolder.make("check") + "/infernet.yaml"
        TestFolder.write("log: {level: debug}\n", to: path)
        #expect(await SupervisorMain.run(["--config", path, "--check"]) == 0)
        TestFolder.write("log: {levl: debug}\n", to: path)
        #expect(await SupervisorMain.run(["--config", path, "--check"]) == 78)
        #expect(await SupervisorMain.run(["--config"]) == 64)
    }

    @Test func aWrongConfigurationIsShownUntilItIsRight() async throws {
        let run = TestFolder.make("wrong")
        setenv("INFERNET_RUN_DIR", run, 1)
        defer { unsetenv("INFERNET_RUN_DIR") }
        let path = run + "/infernet.yaml"
        TestFolder.write("htp: {}\n", to: path)
        let waiting = WrongConfiguration(WireError(.configInvalid, "htp is no key", fix: "http?"), path: path)
        let stop = StopSwitch()
        let result = Task { try await waiting.wait(stop) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let hand = PeerLink(
            callee: .supervisor,
            path: NodePaths.socket(runDirectory: run, callee: .supervisor, caller: .ctl), loop: group.next(),
            log: Logger(label: "hand"))
        var status: SupervisorInterface.Status.Reply?
        for _ in 0..<500 where status == nil {
            status = try? await hand.call(SupervisorInterface.Status())
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(status?.state == .failed && status?.reason.contains("htp") == true && status?.fix != nil)
        #expect(status?.daemons.allSatisfy { $0.state == .down } == true)
        await #expect(throws: WireError(.configInvalid, "")) {
            try await hand.call(SupervisorInterface.Metrics())
        }
        TestFolder.write("log: {level: debug}\n", to: path)
        #expect(try await result.value?.log.level == "debug")

        let stopped = Task { try await waiting.wait(stop) }
        TestFolder.write("htp: {}\n", to: path)
        stop.flip("test")
        #expect(try await stopped.value == nil)
        try await group.shutdownGracefully()
    }

    @Test func aRequestToStopIsNeverLost() {
        let stop = StopSwitch()
        stop.flip("first")
        stop.flip("second")
        let heard = ExitWord()
        stop.listen { heard.set($0) }
        #expect(heard.value == "first" && stop.reason == "first")
    }
}

/// A word that another thread may set.
private final class ExitWord: Sendable {
    private let word = Mutex("")
    var value: String { word.withLock { $0 } }
    func set(_ new: String) { word.withLock { $0 = new } }
}
