// Proves that a daemon which closes files for itself opens what its row gives and nothing else.
// It must never confine the test process: each trial is a process of its own.

import Glibc
import NodeSystem
import Policy
import TestKit
import Testing
import Wire

@testable import DaemonKit

@Suite(.enabled(if: LandlockRuleset.kernelVersion != nil, "this kernel has no Landlock"))
struct FileWallTests {
    @Test func aDaemonBehindItsWallOpensOnlyWhatItsRowGives() async throws {
        let (mine, others) = (try TemporaryDirectory(), try TemporaryDirectory())
        let (own, other): (String, String) = (mine.path, others.path)
        await #expect(processExitsWith: .success) { [own = own as String, other = other as String] in
            #expect(Trial.reads("/etc/hostname") && Trial.writes(other))
            let row = try #require(ServiceTable.row(.content))
            #expect(try FileWall.confine(Trial.contract(own), row).hasPrefix("Landlock"))
            #expect(Trial.writes(own))
            #expect(Trial.reads("/proc/self/status"))
            #expect(!Trial.reads("/etc/hostname") && errno == EACCES)
            #expect(!Trial.writes(other) && errno == EACCES)
            #expect(Trial.execute("/bin/false") == EACCES)
        }
        withExtendedLifetime((mine, others)) {}
    }

    @Test func aParentThatConfinedIsNotAsked() throws {
        let contract = Trial.contract("/nowhere", confinesFiles: false)
        #expect(DaemonMain.wall(.success(contract), .content) == nil)
    }
}

/// What one trial does.
private enum Trial {
    static func contract(_ folder: String, confinesFiles: Bool = true) -> ParentContract {
        ParentContract(
            sockets: [:], stateDirectory: folder, runtimeDirectory: folder, configuration: [],
            confinesFiles: confinesFiles)
    }

    static func reads(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return true
    }

    /// Returns the reason why not; a success replaces this process, which then fails the trial by what it returns.
    static func execute(_ path: String) -> Int32 {
        var words: [UnsafeMutablePointer<CChar>?] = [strdup(path), nil]
        defer { free(words[0]) }
        execv(path, &words)
        return errno
    }

    static func writes(_ folder: String) -> Bool {
        let descriptor = open(folder + "/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return true
    }
}
