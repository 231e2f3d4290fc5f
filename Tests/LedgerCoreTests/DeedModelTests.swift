// Proves deeds against a model of a few lines: 100,000 random operations, each answer and each balance the same.

import Foundation
import GRDB
import NodeModel
import Testing
import Wire

@testable import LedgerCore

extension LongRunningTests {
    @Suite struct DeedModelTests {
        /// The ledger as a person would keep it on paper.
        struct Model: Sendable {
            struct Reservation: Sendable {
                var deed: Deed
                var isOpen = true
            }
            var done: [String: (deed: Deed, sequence: Int64)] = [:]
            var reservations: [String: Reservation] = [:]
            var wallet: [Asset: Int64] = [:]
            var paid: [String: Int64] = [:]
            var last: Int64 = 0

            mutating func perform(_ deed: Deed, id: String) -> DeedAnswer {
                if let earlier = done[id] {
                    return earlier.deed == deed ? .repeated(earlier.sequence) : .refused(.conflict)
                }
                var reservation: Reservation?
                if !deed.reservation.isEmpty {
                    guard let found = reservations[deed.reservation] else { return .refused(.notFound) }
                    guard found.isOpen else { return .refused(.conflict) }
                    guard found.deed.asset == deed.asset,
                        deed.kind == .void || found.deed.party == deed.party,
                        deed.amount <= found.deed.amount
                    else { return .refused(.policyRefused) }
                    reservation = found
                }
                let available = wallet[deed.asset, default: 0]
                switch deed.kind {
                case .deposit: wallet[deed.asset, default: 0] += deed.amount
                case .reserve, .withdraw:
                    guard deed.asset == .testCredit || deed.amount <= available else {
                        return .refused(.policyRefused)
                    }
                    wallet[deed.asset, default: 0] -= deed.amount
                    if deed.kind == .reserve { reservations[id] = Reservation(deed: deed) }
                case .post, .void:
                    wallet[deed.asset, default: 0] += (reservation?.deed.amount ?? 0) - deed.amount
                    if deed.kind == .post {
                        paid[deed.party + deed.asset.rawValue, default: 0] += deed.amount
                    }
                    reservations[deed.reservation]?.isOpen = false
                }
                last += 1
                done[id] = (deed, last)
                return .booked
            }
        }

        static let assets = [DeedFixture.usdc, DeedFixture.bitcoin, .testCredit]

        private func draw(_ model: Model, _ ids: [String], _ random: inout SeededRandom) -> (
            id: String, deed: Deed
        ) {
            let asset = Self.assets[Int.random(in: 0..<3, using: &random)]
            let party = "peer\(Int.random(in: 0..<4, using: &random))"
            let amount = Int64.random(in: 1...500, using: &random)
            // Mostly recent reservations, so that many are still open.
            let recent = ids.suffix(40)
            let reservation = recent.randomElement(using: &random) ?? "none"
            let kept = model.reservations[reservation]?.deed
            let deed: Deed
            switch Int.random(in: 0..<12, using: &random) {
            case 0...1: deed = .deposit(amount, asset, from: party)
            case 2...5: deed = .reserve(amount, asset, for: party)
            case 6...7:
                deed = .post(
                    reservation, min(amount, kept?.amount ?? 1), kept?.asset ?? asset,
                    to: kept?.party ?? party)
            case 8: deed = .post(reservation, amount, asset, to: party)
            case 9...10: deed = .void(reservation, kept?.asset ?? asset)
            default: deed = .withdraw(amount, asset, to: party)
            }
            switch Int.random(in: 0..<10, using: &random) {
            case 0:
                let id = ids.randomElement(using: &random) ?? "first"
                return (id, model.done[id]?.deed ?? deed)
            case 1: return (ids.randomElement(using: &random) ?? "first", deed)
            default: return ("op\(ids.count)", deed)
            }
        }

        /// Where a run stands; it goes into a transaction and comes back.
        struct Run: Sendable {
            var random: SeededRandom
            var model = Model()
            var ids: [String] = []
            var now = DeedFixture.start
            var step = 0
            /// What did not agree with the model.
            var fault: String?
        }

        /// One operation: the answer, the wallet, and what the reservation holds must be the model's.
        private func step(_ run: inout Run, _ writer: LedgerWriter) throws {
            let (id, deed) = draw(run.model, run.ids, &run.random)
            let expected = run.model.perform(deed, id: id)
            let answer: DeedAnswer
            do {
                let outcome = try Ledger.perform(deed, id: id, at: run.now, writer)
                answer = outcome.repeated ? .repeated(outcome.sequence) : .booked
            } catch let error as WireError {
                answer = .refused(error.code)
            }
            if expected == .booked { run.ids.append(id) }
            let wallet = try Ledger.balance(Operation.wallet, deed.asset, writer.db)
            let held = try Ledger.balance(Deed.held(deed.reservation), deed.asset, writer.db)
            let reserved = run.model.reservations[deed.reservation]
            let isHeld = reserved?.isOpen == true && reserved?.deed.asset == deed.asset
            let due = isHeld ? reserved?.deed.amount ?? 0 : 0
            let walletDue = run.model.wallet[deed.asset, default: 0]
            if answer != expected || wallet != walletDue || held != due {
                run.fault =
                    "step \(run.step): \(deed) as \(id) gave \(answer), not \(expected); wallet \(wallet), not "
                    + "\(walletDue); held \(held), not \(due)"
            }
            if run.step % 7 == 0 { run.now += Int64.random(in: 0...600_000, using: &run.random) }
            run.step += 1
        }

        /// What must hold after each group: the chain's head, its length, and that all that there is sums to zero by asset.
        private static func invariants(_ run: Run, _ db: Database) throws -> String? {
            do { try Ledger.verifyHead(db) } catch { return "the head does not hold: \(error)" }
            let length = try Int64.fetchOne(db, sql: "SELECT coalesce(max(sequence), 0) FROM link")
            guard length == run.model.last else { return "\(length ?? 0) links, not \(run.model.last)" }
            let sums = try Row.fetchAll(
                db,
                sql: """
                    SELECT asset, sum(amount) AS sum FROM (SELECT asset, amount, max(transfer) FROM balance
                        GROUP BY account, asset) GROUP BY asset HAVING sum(amount) <> 0
                    """)
            guard sums.isEmpty else { return "the balances of \(sums.count) assets do not sum to zero" }
            let unequal = try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM (SELECT 1 FROM posting WHERE transfer > ?
                        GROUP BY transfer HAVING sum(amount) <> 0)
                    """, arguments: [run.model.last - 500])
            return unequal == 0 ? nil : "\(unequal ?? 0) transfers do not sum to zero"
        }

        @Test(.timeLimit(.minutes(15)))
        func aHundredThousandOperationsAgreeWithTheModel() async throws {
            // A run that failed is made again by the seed that it printed.
            let seed =
                ProcessInfo.processInfo.environment["INFERNET_SEED"].flatMap { UInt64($0) }
                ?? UInt64.random(in: 0...UInt64.max)
            let (steps, group) = (100_000, 500)
            print("figure: deeds: \(steps) random operations against the model, seed \(seed)")
            let fixture = try DeedFixture()
            var ledger = try fixture.open()
            var run = Run(random: SeededRandom(state: seed))
            while run.step < steps {
                let before = run
                run = try await ledger.commits.write { writer in
                    var run = before
                    for _ in 0..<group where run.fault == nil { try step(&run, writer) }
                    return run
                }
                try #require(run.fault == nil, "seed \(seed), \(run.fault ?? "")")
                let fault = try await ledger.reading { [run] db in try Self.invariants(run, db) }
                try #require(fault == nil, "seed \(seed), step \(run.step): \(fault ?? "")")
                if run.step % 20_000 == 0 { ledger = try fixture.open() }
            }
            let report = try await ledger.audit()
            #expect(report.faults == [] && report.transfers == run.model.last, "seed \(seed)")
            #expect(report.heads > 10)
            for (key, amount) in run.model.paid {
                let party = String(key.prefix(5))
                let asset = Asset(rawValue: String(key.dropFirst(5)))
                #expect(try await ledger.balance(of: "paid:\(party)", asset) == amount, "seed \(seed)")
            }
        }
    }
}
