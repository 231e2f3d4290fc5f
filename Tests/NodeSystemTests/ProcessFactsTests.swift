// Proves that what is read about users, processes and disks is what the kernel and the database say.

import Glibc
import Testing

@testable import NodeSystem

struct ProcessFactsTests {
    @Test func findsRootAndNobodyElse() throws {
        let root = try #require(try UserAccount.find("root"))
        #expect(root.uid == 0 && root.gid == 0 && root.groups.contains(0))
        #expect(try UserAccount.find("no-such-user-here") == nil)
    }

    @Test func readsItsOwnIdentity() throws {
        let me = try ProcessIdentity.current()
        #expect(me.users == [getuid(), geteuid(), geteuid(), geteuid()])
        #expect(try ProcessIdentity.of(pid: getpid()).boundingCapabilities == me.boundingCapabilities)
        #expect(throws: SystemError.self) { try ProcessIdentity.of(pid: 0x3fff_ffff) }
    }

    @Test func weighsItself() throws {
        let memory = try ProcessMemory.of(pid: getpid())
        #expect(memory.pssBytes > 1 << 20 && memory.rssBytes >= memory.pssBytes && memory.threads > 0)
    }

    @Test func measuresTheDisk() throws {
        let space = try DiskSpace.of("/")
        #expect(space.totalBytes > 0 && space.freeBytes <= space.totalBytes)
        #expect((0...100).contains(space.freePercent))
        #expect { try DiskSpace.of("/nonexistent") } throws: { ($0 as? SystemError)?.code == .notFound }
    }

    @Test func errorsNameTheErrnoAndTheFix() {
        let error = SystemError(call: "cannot bind", errno: EADDRINUSE, fix: "Stop it.")
        #expect(error.description == "cannot bind: Address already in use (EADDRINUSE). Stop it.")
        #expect(error.code == .addressInUse)
    }
}
