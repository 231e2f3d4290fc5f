// Proves that a process confined by somebody else is judged by what the kernel shows, one wall at a time.

import Interfaces
import Policy
import Testing
import Wire

@testable import NodeSystem
@testable import SupervisorCore

@Suite struct ObservedSandboxTests {
    private let confined = ProcessIdentity(
        users: [990, 990, 990, 990], groups: [990, 990, 990, 990], supplementary: [],
        effectiveCapabilities: 0, permittedCapabilities: 0, boundingCapabilities: 0,
        ambientCapabilities: 0, noNewPrivileges: true, seccompMode: 2)
    private let limits = ProcessLimits(openFiles: 1024, processes: nil, dataBytes: nil, coreBytes: 0)

    @Test func aConfinedProcessLacksNothing() throws {
        let row = try #require(ServiceTable.row(.ledger))
        let seen = SupervisorInterface.Sandbox(row, confined, limits, uid: 990)
        #expect(seen.missing.isEmpty && seen.inForce.count == 5)
        #expect(!seen.inForce.contains("files"), "what its mounts hide cannot be seen")
    }

    @Test func eachWallThatDoesNotStandIsNamed() throws {
        let row = try #require(ServiceTable.row(.ledger))
        var open = confined
        open.users = [0, 0, 0, 0]
        open.boundingCapabilities = 1
        open.noNewPrivileges = false
        open.seccompMode = 0
        let seen = SupervisorInterface.Sandbox(row, open, nil, uid: 990)
        #expect(seen.inForce.isEmpty && seen.missing.count == 5)
        var half = confined
        half.seccompMode = 0
        let most = SupervisorInterface.Sandbox(row, half, limits, uid: 990)
        #expect(most.missing == ["system calls: its process has no filter"])
    }
}
