// A ledger for deeds, in memory-backed files where the machine has them: the disk's speed is not what is tested.
// It must never be kept between tests.

import Glibc
import NodeModel
import Nostr
import TestKit
import Wire

@testable import LedgerCore

struct DeedFixture: Sendable {
    static let usdc = Asset(rawValue: "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
    static let bitcoin = Asset(rawValue: "bip122:000000000019d6689c085ae165831e93/slip44:0")
    static let start: Int64 = 1_790_000_000_000

    let directory: String
    let key: SecretKey
    private let owned: TemporaryDirectory?

    init(key: SecretKey = .generate()) throws {
        let shared = "/dev/shm"
        owned = try access(shared, W_OK) == 0 ? TemporaryDirectory(in: shared) : TemporaryDirectory()
        directory = owned?.path ?? ""
        self.key = key
        try LedgerTemplate.place(in: directory)
    }

    /// A place that another process made.
    init(adopting directory: String, key: SecretKey) {
        owned = nil
        self.directory = directory
        self.key = key
    }

    func open(reach: (@Sendable (LedgerStep) -> Void)? = nil) throws -> Ledger {
        try Ledger(path: directory + "/" + Ledger.fileName, key: key, reach: reach)
    }
}

/// SplitMix64: small, seeded, the same everywhere.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}

/// What a deed came to, in a form that a model can predict.
enum DeedAnswer: Equatable {
    case booked, repeated(Int64)
    case refused(ErrorCode)
}

extension Ledger {
    func answer(_ deed: Deed, id: String, at: Int64 = DeedFixture.start) async -> DeedAnswer {
        do {
            let outcome = try await perform(deed, id: id, at: at)
            return outcome.repeated ? .repeated(outcome.sequence) : .booked
        } catch {
            return .refused((error as? WireError)?.code ?? .internalError)
        }
    }
}
