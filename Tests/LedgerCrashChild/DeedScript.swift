// The script of the crash matrix: deed number N, the same in every run, known to the child and to its parent.
// It must never depend on what happened before: a child begins anywhere in it.

import NodeModel

@testable import LedgerCore

enum DeedScript {
    static let usdc = Asset(rawValue: "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
    static let start: Int64 = 1_790_000_000_000
    static let secret = [UInt8](repeating: 11, count: 32)
    /// A day passes with each round of the script, so that heads are signed on the way.
    static let round = 7

    /// Deed number `index`, its id and its time.
    static func deed(_ index: Int) -> (id: String, deed: Deed, at: Int64) {
        let deed: Deed =
            switch index % round {
            case 0: .deposit(100, usdc, from: "tx\(index)")
            case 1: .reserve(40, usdc, for: "peer")
            case 2: .reserve(30, usdc, for: "peer")
            case 3: .post("deed\(index - 2)", 25, usdc, to: "peer")
            case 4: .void("deed\(index - 2)", usdc)
            case 5: .withdraw(20, usdc, to: "out")
            default: .deposit(1, .testCredit, from: "gift\(index)")
            }
        return ("deed\(index)", deed, start + Int64(index / round) * 86_400_000)
    }

    /// The boundaries of one deed, each with a name of its own: the kind, the step, and which of its like it is.
    struct Boundaries {
        private var kind = ""
        private var counts: [LedgerStep: Int] = [:]

        mutating func begin(_ deed: Deed) { (kind, counts) = (deed.kind.rawValue, [:]) }

        mutating func name(_ step: LedgerStep) -> String {
            counts[step, default: 0] += 1
            return "\(kind) \(step) \(counts[step, default: 0])"
        }
    }

    /// What the wallet holds after so many deeds.
    static func wallet(after count: Int) -> Int64 {
        let changes: [Int64] = [100, -40, -30, 15, 30, -20, 0]
        return (0..<count).reduce(0) { $0 + changes[$1 % round] }
    }
}
