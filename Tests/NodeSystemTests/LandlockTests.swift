// Proves that a ruleset lets a child open what it names and nothing else, and that what is read of /proc is read right.

import Glibc
import Testing

@testable import NodeSystem

@Suite(.enabled(if: LandlockRuleset.kernelVersion != nil, "this kernel has no Landlock"))
struct LandlockTests {
    @Test func aChildOpensOnlyWhatIsAllowed() async throws {
        let thread = try SpawnThread()
        defer { thread.stop() }
        var template = Array("/tmp/inft-XXXXXX".utf8CString)
        let own = String(cString: try #require(mkdtemp(&template)))
        defer { rmdir(own) }
        let ruleset = try LandlockRuleset(forbidsTCP: true)
        for path in ["/usr", "/bin", "/lib", "/lib64"] { try ruleset.allow(.execute, at: path) }
        #expect(try ruleset.allow(.own, at: own))
        #expect(try ruleset.allow(.device, at: "/dev/null"))
        #expect(try !ruleset.allow(.read, at: "/nowhere"))
        let script = """
            echo a > \(own)/f && cat \(own)/f && rm \(own)/f; cp /bin/true \(own)/x; chmod 700 \(own)/x
            \(own)/x 2>/dev/null || echo not executed; rm \(own)/x
            cat /etc/hostname 2>/dev/null || echo not read
            (echo b > \(own)-other) 2>/dev/null || echo not written
            """
        let run = try await ChildRun.shell(script, on: thread) { $0.landlockRuleset = ruleset.descriptor }
        #expect(run.output == "a\nnot executed\nnot read\nnot written\n")
    }
}

@Suite struct ProcessFilesTests {
    @Test func librariesAreFoundInAMap() {
        let maps = """
            555500000000-555500001000 r-xp 00000000 08:01 1    /opt/a b/ledger-d
            7f0000000000-7f0000001000 r--p 00000000 08:01 2    /opt/swift/lib/libNot.so
            7f0000002000-7f0000003000 r-xp 00000000 08:01 3    /opt/swift/lib/libswiftCore.so
            7f0000004000-7f0000005000 r-xp 00000000 08:01 4    /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
            7f0000006000-7f0000007000 r-xp 00000000 00:00 0    [vdso]
            """
        let found = LoadedLibraries.parse(maps)
        #expect(found.folders == ["/opt/swift/lib", "/usr/lib/x86_64-linux-gnu"])
        #expect(found.loader == "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
    }

    @Test func limitsAreReadOfThisVeryProcess() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #expect(try ProcessLimits.of(pid: getpid()).openFiles == UInt64(limit.rlim_cur))
        #expect(ProcessLimits.openDescriptors(of: getpid()) ?? 0 > 2)
        let none = ProcessLimits.parse(
            "Max data size             unlimited            unlimited            bytes")
        #expect(none.dataBytes == nil)
    }
}
