// Proves that what is meant for one process reaches no other: its question may be repeated after it has gone.

import Glibc
import IPC
import Interfaces
import Synchronization
import TestKit
import Testing
import Wire

@testable import DaemonKit

@Suite struct ControlRoutesTests {
    @Test func aSuccessorDoesNotDrainForItsPredecessor() async throws {
        let directory = try TemporaryDirectory()
        let drains = Mutex(0)
        let server = try await LoopbackServer(.content, runDirectory: directory.path) { router in
            ControlRoutes(
                metrics: MetricsRegistry(), checks: { [] }, drain: { drains.withLock { $0 += 1 } },
                startedAt: 0
            ).bind(&router)
        }
        let line = server.link(as: .supervisor)
        let error = await #expect(throws: WireError.self) {
            _ = try await line.call(ControlInterface.Drain(pid: getpid() + 1))
        }
        #expect(error?.code == .notFound)
        #expect(drains.withLock { $0 } == 0)
        _ = try await line.call(ControlInterface.Drain(pid: getpid()))
        #expect(drains.withLock { $0 } == 1)
        await server.close()
    }
}
