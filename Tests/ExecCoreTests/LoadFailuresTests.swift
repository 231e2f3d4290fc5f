// Proves how long a model that did not come up is held to be broken, and what an engine's container is said to compute with.

import Interfaces
import NodeModel
import Testing
import Wire

@testable import ExecCore

@Suite struct LoadFailuresTests {
    private let root = Digest(hashing: "model")
    private let error = WireError(.engineUnavailable, "The engine ended with exit code 1.")

    @Test func aFailureStandsLongerEachTimeAndNeverForGood() {
        var failures = LoadFailures()
        var now: Int64 = 0
        var stood: [Int64] = []
        for _ in 0..<8 {
            failures.failed(root, error, at: now)
            let from = now
            while !failures.standing(at: now).isEmpty { now += 60_000 }
            stood.append((now - from) / 60_000)
        }
        #expect(stood == [1, 2, 4, 8, 16, 32, 60, 60])
        failures.failed(root, error, at: now)
        #expect(failures.standing(at: now).map(\.error) == [error])
        failures.worked(root)
        #expect(failures.standing(at: now).isEmpty)
        failures.failed(root, error, at: now)
        #expect(failures.standing(at: now + 60_000).isEmpty, "what worked begins anew")
    }

    @Test func enginesComputeOnTheCPUWhateverElseIsHere() {
        let gpu = "NVIDIA H200, 143771, 140000, 550.90.07\n"
        let hardware = Hardware(
            nvidia: .output(gpu), amd: .absent, cards: [],
            cpuinfo: "processor : 0\nmodel name : AMD EPYC\n", meminfo: "MemTotal: 24576000 kB\n")
        #expect(hardware.devices.map(\.kind) == ["nvidia", "cpu"])
        #expect(hardware.engineDevices(memoryMiB: 768).map { "\($0.kind) \($0.memoryMiB)" } == ["cpu 768"])
        #expect(hardware.engineDevices(memoryMiB: 1 << 20).map(\.memoryMiB) == [24_000])
    }
}
