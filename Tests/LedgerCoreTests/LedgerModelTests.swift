// Proves the ledger against a model of a few lines: random operations, the same answers, the same sums.

import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import Testing
import Wire

@testable import LedgerCore

@Suite struct LedgerModelTests {
    /// SplitMix64: small, seeded, the same everywhere.
    struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
            return z ^ z >> 31
        }
    }

    @Test(arguments: [UInt64(1), 20_261_123])
    func randomOperationsAgreeWithTheModel(_ seed: UInt64) async throws {
        var random = Random(state: seed)
        let fixture = try LedgerFixture(maxPerJob: 400, maxPerDay: 6_000)
        var daemon = try fixture.open()
        let strangers = (0..<3).map { _ in SecretKey.generate() }
        // The model: what was spent by job, what was earned by client and job, and on which day.
        var spent: [Int: (event: String, price: Int64, day: Int64)] = [:]
        var earned: [String: Int64] = [:]
        for step in 0..<400 {
            let stranger = strangers[Int.random(in: 0..<3, using: &random)]
            let job = Int.random(in: 1...40, using: &random)
            let unit = Int64.random(in: 1...9, using: &random)
            let day = fixture.now / 86_400
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let receipt = try fixture.receipt(
                    stranger, client: daemon.key.publicKey, job: job, unit: unit)
                let today = spent.values.filter { $0.day == day }.reduce(0) { $0 + $1.price }
                let expected: String
                if let earlier = spent[job] {
                    expected = earlier.event == receipt.id ? "repeated" : "conflict"
                } else if 54 * unit > 400 || today + 54 * unit > 6_000 {
                    expected = "policy_refused"
                } else {
                    expected = "booked"
                    spent[job] = (receipt.id, 54 * unit, day)
                }
                #expect(
                    await answer { try await daemon.accept(receipt).repeated } == expected,
                    "seed \(seed) step \(step)")
            case 5..<8:
                let body = try fixture.body(
                    provider: daemon.key.publicKey, client: stranger.publicKey, job: job)
                let name = "\(stranger.publicKey)/\(job)"
                guard let receipt = try? await daemon.signReceipt(body) else { continue }
                let bundle = try fixture.acceptance(stranger, of: receipt)
                let expected = earned.updateValue(54, forKey: name) == nil ? "booked" : "repeated"
                #expect(
                    await answer { try await daemon.record(bundle).repeated } == expected,
                    "seed \(seed) step \(step)")
            case 8: fixture.time.withLockedValue { $0 += Int64.random(in: 0...20_000_000, using: &random) }
            default: daemon = try fixture.open()
            }
            let balance = try await daemon.ledger.balance()
            #expect(
                balance.credits.spent == spent.values.reduce(0) { $0 + $1.price }, "seed \(seed) step \(step)"
            )
            #expect(balance.credits.earned == earned.values.reduce(0, +), "seed \(seed) step \(step)")
            #expect(balance.transfers == Int64(spent.count + earned.count), "seed \(seed) step \(step)")
        }
        #expect(try await daemon.ledger.audit().faults == [])
    }

    private func answer(_ body: () async throws -> Bool) async -> String {
        do { return try await body() ? "repeated" : "booked" } catch let error as WireError {
            return error.code.rawValue
        } catch { return "\(error)" }
    }
}
