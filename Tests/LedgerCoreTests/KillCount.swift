// The sum of all kill matrices: printed once, by the one that ends last, when all of them have run.
// It must never count a kill whose aftermath was not looked at.

import NIOConcurrencyHelpers
import Testing

enum KillCount {
    static let all: Set<String> = ["deeds", "chains", "credit", "held", "Lightning", "own jobs", "receipts"]
    private static let counted = NIOLockedValueBox<[String: Int]>([:])

    static func add(_ kills: Int, _ matrix: String) {
        let sum = counted.withLockedValue { counted -> Int? in
            counted[matrix] = kills
            return Set(counted.keys) == all ? counted.values.reduce(0, +) : nil
        }
        guard let sum else { return }
        print("figure: crash matrices: \(sum) kills in all, each looked at afterwards")
        #expect(sum >= 1_000)
    }
}
