// Proves who may ask for the next piece of an answer and how a quote divides it, what SQLite itself refuses, and that the audit
// finds what is covered by nothing.

import Foundation
import GRDB
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import TestKit
import Testing
import Wire

@testable import Interfaces
@testable import LedgerCore

@Suite struct TopUpRulesTests {
    @Test func onlyAggregatorMayAskAndAQuoteSaysHowItIsDivided() async throws {
        let nodes = try ChannelFixture()
        for intent in ["ledger.top_up", "ledger.take_top_up"] {
            for role in [Role.ws, .exec, .ctl, .dht] {
                #expect(throws: WireError(.notPermitted, "")) {
                    try nodes.provider.table.check(intent, by: role)
                }
            }
            try nodes.provider.table.check(intent, by: .aggregator)
        }
        let (client, terms) = (nodes.client.key.publicKey, ChannelFixture.terms(1, 2_000))
        func quote(_ chunk: Int?) throws -> Quote? {
            Quote(try nodes.provider.signQuote(.init(client: client, terms: terms, chunk: chunk)))
        }
        #expect(try quote(16)?.chunk == 16 && quote(16)?.first == 980 + 32)
        #expect(try quote(509)?.chunk == 509)
        for chunk in [nil, 510, 511] as [Int?] {
            #expect(try quote(chunk)?.chunk == nil && quote(chunk)?.first == 2_000)
        }
        let error = #expect(throws: WireError(.policyRefused, "")) { _ = try quote(15) }
        #expect(error?.message.contains("'chunk'") == true)
    }

    @Test func theSchemaCoversNothingThatShrinksOrIsNotPaid() async throws {
        let nodes = try await TopUpTests.nodes()
        for job in 1...3 { try await nodes.take(job, try await nodes.promise(job)) }
        try await nodes.takeTopUp(1, 200, try await nodes.topUp(1, 200))
        for job in 2...3 { _ = try await nodes.client.accept(try await nodes.receipt(job)) }
        let id = Data(try #require(Digest(hex: try await nodes.channel(nodes.client).id)).bytes)
        // Charged are 108, 1,380 of the first are covered, and the voucher is one of 3,740.
        let wrong: [(Int, Int64, Int64, String)] = [
            (1, 1_380, 3_740, "covered already"), (1, 1_379, 3_740, "covered already"),
            (1, 2_001, 3_740, "more is covered"), (2, 1_400, 3_740, "the job is over"),
            (1, 1_500, 1_180, "no voucher covers"), (1, 1_500, 9_999, "no voucher covers"),
            (9, 10, 3_740, "FOREIGN KEY"),
        ]
        for daemon in [nodes.client, nodes.provider] {
            func write(_ sql: String, _ arguments: StatementArguments = []) async -> String {
                let error = await #expect(throws: DatabaseError.self) {
                    try await daemon.ledger.pool.write { try $0.execute(sql: sql, arguments: arguments) }
                }
                return error?.message ?? ""
            }
            for (job, amount, ceiling, words) in wrong {
                let said = await write(
                    "INSERT INTO covered VALUES (?, ?, ?, ?, ?)",
                    [id, ChannelFixture.job(job).text, amount, ceiling, nodes.time.withLockedValue { $0 }])
                #expect(said.contains(words), "\(words): \(said)")
            }
            let charge = "INSERT INTO charge VALUES (?, ?, 1381, 1489, ?)"
            let job = ChannelFixture.job(1).text
            #expect(
                await write(charge, [id, job, nodes.time.withLockedValue { $0 }]).contains(
                    "more is charged than is covered"))
            #expect(await write("UPDATE covered SET amount = amount + 1").contains("append-only"))
            #expect(await write("DELETE FROM covered").contains("append-only"))
        }
    }

    @Test func theAuditFindsWhatIsCoveredByNothing() async throws {
        let faults: [(String, String)] = [
            ("UPDATE covered SET amount = amount + 1", "not on its quote"),
            ("UPDATE covered SET amount = 1180", "not on its quote"),
            ("UPDATE covered SET amount = 2002", "not on its quote"),
            ("UPDATE covered SET ceiling = ceiling + 1", "no voucher covers"),
            ("DELETE FROM covered", "does not add up"),
            ("UPDATE pledge SET first = first + 2", "not for what was promised"),
            (
                "UPDATE voucher SET signature = (SELECT signature FROM voucher WHERE ceiling = 1180)",
                "not signed by its payer"
            ),
        ]
        for (sql, words) in faults {
            let nodes = try await TopUpTests.nodes()
            try await nodes.take(1, try await nodes.promise(1))
            try await nodes.takeTopUp(1, 200, try await nodes.topUp(1, 200))
            _ = try await nodes.client.accept(try await nodes.receipt(1, tokens: 200, prompt: 980))
            for (daemon, place) in zip([nodes.client, nodes.provider], nodes.places) {
                // With the triggers out of the way, as somebody with the file could.
                var configuration = Configuration()
                configuration.foreignKeysEnabled = false
                let queue = try DatabaseQueue(
                    path: place.path + "/" + Ledger.fileName, configuration: configuration)
                try await queue.write { db in
                    for trigger in [
                        "covered_no_update", "covered_no_delete", "pledge_no_update", "voucher_no_update",
                    ] {
                        try db.execute(sql: "DROP TRIGGER \(trigger)")
                    }
                    try db.execute(sql: sql)
                }
                let found = try await daemon.ledger.audit().faults
                #expect(found.contains { $0.contains(words) }, "\(sql): \(found)")
            }
        }
    }
}
