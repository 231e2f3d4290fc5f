// Proves what a child has and has not when it starts, that every exit is told, and that a failure names its step.

import Glibc
import Synchronization
import Testing

@testable import NodeSystem

struct SpawnTests {
    let thread: SpawnThread

    init() throws { thread = try SpawnThread() }

    @Test func tellsTheExitCode() async throws {
        #expect(try await ChildRun.shell("exit 7", on: thread).exit == .exited(7))
    }

    @Test func tellsTheSignal() async throws {
        let run = try await ChildRun.shell("kill -9 $$", on: thread)
        #expect(run.exit == .signalled(9))
        #expect(run.exit.description == "signal 9 (SIGKILL)")
    }

    @Test func givesOnlyTheListedEnvironment() async throws {
        setenv("INFERNET_TEST_SECRET", "x", 1)
        let run = try await ChildRun.shell("exec env", on: thread) {
            $0.environment = ["PATH": "/usr/bin:/bin", "A": "b"]
        }
        #expect(
            run.output.split(separator: "\n").filter { !$0.hasPrefix("PWD=") }.sorted() == [
                "A=b", "PATH=/usr/bin:/bin",
            ])
    }

    @Test func placesDescriptorsFromThreeAndClosesTheRest() async throws {
        // Not close-on-exec and far up: exactly what must not leak.
        let leak = fcntl(0, F_DUPFD, 700)
        defer { close(leak) }
        let first = try SealedFile.make(name: "a", bytes: Array("alpha".utf8))
        let second = try SealedFile.make(name: "b", bytes: Array("beta".utf8))
        let (input, hold) = try UnixSocket.pair()
        defer { for descriptor in [first, second, input, hold] { close(descriptor) } }
        var request = SpawnRequest(executable: "/bin/cat")
        request.standardInput = input
        request.passed = [.init("one", first), .init("two", second)]
        let exit = ExitBox()
        let child = try await thread.spawn(request) { exit.set($0) }
        #expect(ChildRun.openDescriptors(of: child.pid) == [0, 1, 2, 3, 4])
        child.signal(SIGKILL)
        _ = await exit.value()

        let run = try await ChildRun.shell(
            "echo $LISTEN_FDS $LISTEN_FDNAMES; test $LISTEN_PID = $$ && echo mine; cat <&3; cat <&4",
            on: thread
        ) { $0.passed = [.init("one", first), .init("two", second)] }
        #expect(run.output == "2 one:two\nmine\nalphabeta")
    }

    @Test func placementSurvivesDescriptorsThatAreInEachOthersPlaces() async throws {
        // The parent's descriptors may themselves be small numbers in another order than they go to.
        let files = try (0..<40).map { try SealedFile.make(name: "f", bytes: Array("\($0) ".utf8)) }
        defer { for file in files { close(file) } }
        let script = "for i in 3 4 5 6 7 8 9; do cat /proc/self/fd/$i; done"
        let run = try await ChildRun.shell(script, on: thread) { request in
            request.passed = files.reversed().map { .init("f", $0) }
        }
        #expect(run.output == "39 38 37 36 35 34 33 ")
    }

    @Test func startsWithoutPrivilegesToGainAndWithDefaultSignals() async throws {
        let run = try await ChildRun.shell(
            "cat /proc/self/status; cut -d' ' -f6 /proc/$$/stat; echo $$", on: thread)
        #expect(run.output.contains("NoNewPrivs:\t1"))
        #expect(run.output.contains("SigBlk:\t0000000000000000"))
        #expect(run.output.contains("SigIgn:\t0000000000001000"), "SIGPIPE alone is ignored")
        let last = run.output.split(separator: "\n").suffix(2)
        #expect(last.first == last.last, "it leads its own session")
    }

    @Test func appliesLimitsMaskAndDirectory() async throws {
        let run = try await ChildRun.shell("ulimit -n; ulimit -c; umask; pwd", on: thread) {
            $0.limits = [.openFiles(77), .coreBytes(0)]
            $0.fileMask = 0o027
            $0.directory = "/usr"
        }
        #expect(run.output == "77\n0\n0027\n/usr\n")
    }

    @Test(.enabled(if: geteuid() == 0)) func changesUserAndLosesEveryCapability() async throws {
        let run = try await ChildRun.shell("cat /proc/self/status", on: thread) {
            $0.identity = .init(uid: 65534, gid: 65533, groups: [1234])
            $0.dropsCapabilities = true
        }
        for line in [
            "Uid:\t65534\t65534\t65534\t65534", "Gid:\t65533\t65533\t65533\t65533", "Groups:\t1234",
            "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000",
        ] {
            #expect(run.output.contains(line))
        }
    }

    @Test(.enabled(if: geteuid() == 0)) func rootWithoutCapabilitiesIsStillWithoutThem() async throws {
        let run = try await ChildRun.shell("cat /proc/self/status", on: thread) {
            $0.dropsCapabilities = true
        }
        #expect(run.output.contains("CapEff:\t0000000000000000"))
    }

    @Test func installsTheSeccompFilter() async throws {
        // ld arch-independent: "allow everything".
        let run = try await ChildRun.shell("cat /proc/self/status", on: thread) {
            $0.seccompFilter = [0x7fff_0000_0000_0006]
        }
        #expect(run.output.contains("Seccomp:\t2"))
    }

    @Test func namesTheStepThatFailed() async throws {
        let cases: [(String, (inout SpawnRequest) -> Void)] = [
            ("executing it: No such file or directory (ENOENT)", { $0.executable = "/nonexistent/program" }),
            ("entering /nonexistent: No such file", { $0.directory = "/nonexistent" }),
            ("placing descriptors: Bad file descriptor (EBADF)", { $0.passed = [.init("x", 9999)] }),
            ("entering the Landlock sandbox", { $0.landlockRuleset = 1 }),
            ("installing the seccomp filter", { $0.seccompFilter = [0xffff] }),
        ]
        for (text, adjust) in cases {
            await #expect { try await ChildRun.shell("true", on: thread, adjust: adjust) } throws: { error in
                guard let error = error as? SystemError else { return false }
                return error.code == .spawnFailed && error.message.contains(text)
            }
        }
    }

    @Test(.enabled(if: geteuid() != 0)) func sayWhenTheUserCannotBeChanged() async throws {
        await #expect {
            try await ChildRun.shell("true", on: thread) { $0.identity = .init(uid: 1, gid: 1) }
        } throws: {
            ($0 as? SystemError)?.message.contains("setting supplementary groups") ?? false
        }
    }

    @Test func losesNoExitAndNoDescriptor() async throws {
        let before = ChildRun.openDescriptors(of: getpid()).count
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<150 {
                group.addTask {
                    if number % 3 == 0 {
                        let failed = try? await ChildRun.shell("true", on: thread) {
                            $0.executable = "/nonexistent"
                        }
                        return failed == nil
                    }
                    return try await ChildRun.shell("exit \(number)", on: thread).exit
                        == .exited(Int32(number))
                }
            }
            for try await right in group { #expect(right) }
        }
        #expect(ChildRun.openDescriptors(of: getpid()).count < before + 140, "150 spawns would leak 300")
    }

    @Test func killsWhatIsLeftOfTheGroup() async throws {
        // The grandchild holds the pipe open: the run only ends when it is gone too.
        let clock = ContinuousClock()
        let took = try await clock.measure {
            let run = try await ChildRun.shell("sleep 30 & exit 0", on: thread)
            #expect(run.exit == .exited(0))
        }
        #expect(took < .seconds(10))
    }

    @Test func childrenDieWithTheSpawningThread() async throws {
        let doomed = try SpawnThread()
        let (input, hold) = try UnixSocket.pair()
        defer { for descriptor in [input, hold] { close(descriptor) } }
        var request = SpawnRequest(executable: "/bin/cat")
        request.standardInput = input
        let child = try await doomed.spawn(request) { _ in }
        doomed.stop()
        // Nobody reaps it any more: dead is zombie.
        for _ in 0..<500 where (try? ProcFile.read("/proc/\(child.pid)/stat"))?.contains(") Z ") == false {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try ProcFile.read("/proc/\(child.pid)/stat").contains(") Z "))
    }

    @Test func neverSignalsAfterTheEnd() async throws {
        let exit = ExitBox()
        let child = try await thread.spawn(SpawnRequest(executable: "/bin/true")) { exit.set($0) }
        _ = await exit.value()
        #expect(!child.signal(SIGKILL))
    }
}
