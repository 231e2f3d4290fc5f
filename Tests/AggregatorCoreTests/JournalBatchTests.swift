// Proves that a batch leaves in the journal what its entries leave one by one, whatever their order.
// It must never compare less than whole tables.

import GRDB
import Interfaces
import NodeModel
import Testing

@testable import AggregatorCore

@Suite struct JournalBatchTests {
    private static func entries(_ random: inout SplitMix) -> [JournalEntry] {
        let records = (1...3).map { JobJournalTests.record($0, side: $0 == 2 ? .provider : .local) }
        return (0..<(1 + Int(random.next() % 14))).map { place in
            let record = records[Int(random.next() % 3)]
            let (key, at) = (JobJournalTests.key(record), Int64(place))
            switch random.next() % 8 {
            case 0, 1: return .opened(record)
            case 2: return .placed(key, record.side, nil, model: "other-\(place)")
            case 3: return .noted(key, "word \(place)", at: at)
            default:
                let states = AggregatorInterface.State.allCases
                let state = states[Int(random.next() % UInt64(states.count))]
                return .moved(
                    key, state, reason: "r\(place)", fix: place % 3 == 0 ? "f\(place)" : nil, at: at)
            }
        }
    }

    private static func tables(of database: DatabaseQueue) throws -> [[String]] {
        try database.read { db in
            try ["jobs", "steps"].map { table in
                try Row.fetchAll(db, sql: "SELECT * FROM \(table) ORDER BY rowid").map { "\($0)" }
            }
        }
    }

    @Test("a batch is its entries", arguments: 1...40 as ClosedRange<UInt64>)
    func aBatchIsItsEntries(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let (together, alone) = (try DatabaseQueue(), try DatabaseQueue())
        for database in [together, alone] { try JournalSchema.migrate(database) }
        for _ in 0..<12 {
            let batch = Self.entries(&random)
            // What names a job that is not there fails both ways.
            let failed = Result { try together.write { db in try JournalWriting.apply(batch, db) } }
            let expected = Result {
                try alone.write { db in for entry in batch { try JournalWriting.apply(entry, db) } }
            }
            #expect(((try? failed.get()) == nil) == ((try? expected.get()) == nil))
            #expect(try Self.tables(of: together) == Self.tables(of: alone))
        }
    }
}
