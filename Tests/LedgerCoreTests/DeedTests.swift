// Proves deeds one by one: what each moves, what each refuses, and that 64 callers at once never overdraw.

import Foundation
import GRDB
import NodeModel
import Nostr
import Testing
import Wire

@testable import LedgerCore

@Suite struct DeedTests {
    let usdc = DeedFixture.usdc

    @Test func moneyComesIsSetAsidePaidAndGivenBack() async throws {
        let fixture = try DeedFixture()
        let ledger = try fixture.open()
        #expect(await ledger.answer(.deposit(100, usdc, from: "eip155:137/tx1/0"), id: "d") == .booked)
        #expect(await ledger.answer(.reserve(60, usdc, for: "peer"), id: "r1") == .booked)
        #expect(await ledger.answer(.reserve(41, usdc, for: "peer"), id: "r2") == .refused(.policyRefused))
        #expect(await ledger.answer(.reserve(40, usdc, for: "peer"), id: "r2") == .booked)
        #expect(await ledger.answer(.post("r1", 25, usdc, to: "peer"), id: "p1") == .booked)
        #expect(await ledger.answer(.void("r2", usdc), id: "v2") == .booked)
        #expect(try await ledger.balance(of: "wallet", usdc) == 75)
        #expect(try await ledger.balance(of: "paid:peer", usdc) == 25)
        #expect(try await ledger.balance(of: "held:r1", usdc) == 0)
        #expect(try await ledger.balance(of: "rail:eip155:137/tx1/0", usdc) == -100)
        #expect(await ledger.answer(.withdraw(76, usdc, to: "a"), id: "w") == .refused(.policyRefused))
        #expect(await ledger.answer(.withdraw(75, usdc, to: "a"), id: "w") == .booked)
        let report = try await ledger.audit()
        #expect(report.faults == [] && report.transfers == 6 && report.operations == 6)
    }

    @Test func aReservationIsClosedOnce() async throws {
        let ledger = try DeedFixture().open()
        _ = await ledger.answer(.reserve(10, .testCredit, for: "peer"), id: "r")
        #expect(await ledger.answer(.void("other", .testCredit), id: "v") == .refused(.notFound))
        #expect(
            await ledger.answer(.post("r", 11, .testCredit, to: "peer"), id: "p") == .refused(.policyRefused))
        #expect(
            await ledger.answer(.post("r", 5, .testCredit, to: "else"), id: "p") == .refused(.policyRefused))
        #expect(await ledger.answer(.post("r", 5, usdc, to: "peer"), id: "p") == .refused(.policyRefused))
        #expect(await ledger.answer(.post("r", 5, .testCredit, to: "peer"), id: "p") == .booked)
        #expect(await ledger.answer(.post("r", 5, .testCredit, to: "peer"), id: "p2") == .refused(.conflict))
        #expect(await ledger.answer(.void("r", .testCredit), id: "v") == .refused(.conflict))
        #expect(await ledger.answer(.void("p", .testCredit), id: "v") == .refused(.notFound))
    }

    @Test func theSameIDIsTheSameDeed() async throws {
        let ledger = try DeedFixture().open()
        #expect(await ledger.answer(.deposit(5, usdc, from: "a"), id: "d") == .booked)
        #expect(await ledger.answer(.deposit(5, usdc, from: "a"), id: "d", at: 0) == .repeated(1))
        #expect(await ledger.answer(.deposit(6, usdc, from: "a"), id: "d") == .refused(.conflict))
        #expect(await ledger.answer(.deposit(5, usdc, from: "b"), id: "d") == .refused(.conflict))
        #expect(await ledger.answer(.withdraw(5, usdc, to: "a"), id: "d") == .refused(.conflict))
    }

    @Test(arguments: [
        (Deed.deposit(0, DeedFixture.usdc, from: "a"), "d"), (.reserve(-1, .testCredit, for: "a"), "d"),
        (.withdraw(1 << 53, .testCredit, to: "a"), "d"), (.deposit(1, .testCredit, from: ""), "d"),
        (.deposit(1, .testCredit, from: "a b"), "d"), (.deposit(1, .testCredit, from: "a"), ""),
        (.deposit(1, .testCredit, from: String(repeating: "a", count: 201)), "d"),
        (.deposit(1, .testCredit, from: "a"), String(repeating: "i", count: 129)),
        (.deposit(1, Asset(rawValue: "USDC"), from: "a"), "d"), (.void("r", Asset(rawValue: "")), "d"),
    ])
    func malformedDeedsAreRefused(_ deed: Deed, _ id: String) async throws {
        #expect(await (try DeedFixture().open()).answer(deed, id: id) == .refused(.invalidParams))
    }

    @Test(arguments: [
        ("test:credit", true), ("eip155:137/erc20:0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", true),
        ("bip122:000000000019d6689c085ae165831e93/slip44:0", true), ("eip155:1/erc721:0x06/771769", true),
        ("", false), ("usdc", false), ("eip155/erc20:0x1", false), ("eip155:1/erc20", false),
        ("e:1/a:b", false),
        ("eip155:1/erc20:0x1/2/3", false), ("EIP155:1/erc20:0x1", false), ("eip155:1/erc20:0x 1", false),
        ("eip155:/erc20:0x1", false), ("eip155:1/erc20:ä", false),
    ])
    func assetsAreNamedByCAIP19(_ name: String, _ expected: Bool) {
        #expect(Asset(rawValue: name).isWellFormed == expected)
    }

    @Test(.timeLimit(.minutes(5)))
    func sixtyFourCallersNeverOverdraw() async throws {
        let fixture = try DeedFixture()
        let ledger = try fixture.open()
        let asset = usdc
        _ = await ledger.answer(.deposit(1_000, asset, from: "a"), id: "d")
        let answers = await withTaskGroup(of: [(id: String, answer: Answer)].self) { group in
            for caller in 0..<64 {
                group.addTask {
                    var answers: [(String, Answer)] = []
                    for round in 0..<10 {
                        // Two callers use each id: one of them is answered what the other one was. One in eight asks for
                        // another amount under the same id at once, before or after the right one.
                        let id = "r\(caller / 2)-\(round)"
                        async let right = Self.reserve(7, asset, id, ledger)
                        if caller % 8 == 0 { answers.append((id, await Self.reserve(5, asset, id, ledger))) }
                        answers.append((id, await right))
                    }
                    return answers
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        // Each id is booked once, with one amount; whoever asked for that one got the same place in the chain.
        var (booked, sum) = (0, Int64(0))
        for (id, all) in Dictionary(grouping: answers, by: \.id) {
            let first = all.filter { $0.answer.isFirst == true }
            let kept = all.filter { $0.answer.sequence != nil }
            #expect(first.count <= 1, "\(id)")
            guard let first = first.first?.answer else {
                #expect(kept.isEmpty, "\(id)")
                continue
            }
            booked += 1
            sum += first.amount
            #expect(Set(kept.map(\.answer.sequence)) == [first.sequence], "\(id)")
            #expect(Set(kept.map(\.answer.amount)) == [first.amount], "\(id)")
            let others = all.filter { $0.answer.amount != first.amount }
            // Before the right one was booked, another may have been refused for want of money.
            #expect(
                others.allSatisfy { $0.answer.refusal == .conflict || $0.answer.refusal == .policyRefused },
                "\(id)")
        }
        #expect((994...1_000).contains(sum) && booked >= 142)
        #expect(answers.contains { $0.answer.refusal == .conflict })
        #expect(answers.contains { $0.answer.isFirst == false })
        #expect(try await ledger.balance(of: "wallet", asset) == 1_000 - sum)
        let report = try await ledger.audit()
        #expect(report.faults == [] && report.transfers == Int64(booked + 1))
    }

    /// What one caller of many was told.
    struct Answer: Sendable {
        var amount: Int64
        var isFirst: Bool?
        var sequence: Int64?
        var refusal: ErrorCode?
    }

    private static func reserve(
        _ amount: Int64, _ asset: Asset, _ id: String, _ ledger: Ledger
    ) async -> Answer {
        do {
            let outcome = try await ledger.perform(
                .reserve(amount, asset, for: "peer"), id: id, at: DeedFixture.start)
            return Answer(amount: amount, isFirst: !outcome.repeated, sequence: outcome.sequence)
        } catch { return Answer(amount: amount, refusal: (error as? WireError)?.code) }
    }

    /// The schema refuses by itself what the code refuses with words.
    @Test func theDatabaseDefendsItself() async throws {
        let fixture = try DeedFixture()
        let ledger = try fixture.open()
        _ = await ledger.answer(.deposit(10, usdc, from: "a"), id: "d", at: DeedFixture.start - 86_400_000)
        _ = await ledger.answer(.reserve(4, usdc, for: "b"), id: "r")
        _ = await ledger.answer(.void("r", usdc), id: "v")
        for sql in [
            "UPDATE balance SET amount = 99", "DELETE FROM balance", "UPDATE head SET day = 1",
            "DELETE FROM closing",
            "UPDATE operation SET payload = x'00'", "INSERT INTO closing VALUES ('deed/r', 'deed/d')",
            "INSERT INTO closing VALUES ('deed/d', 'deed/d')",
            "INSERT INTO posting VALUES (1, 'wallet', 5)",
            "INSERT INTO balance VALUES ('wallet', '\(usdc.rawValue)', 3, -1)",
        ] {
            await #expect(throws: DatabaseError.self, "\(sql)") {
                try await ledger.pool.write { db in try db.execute(sql: sql) }
            }
        }
        // An overdraft that no code refused.
        let asset = usdc
        await #expect(throws: DatabaseError.self) {
            try await ledger.commits.write { writer in
                try writer.insert(
                    "operation", ["id": "x", "kind": "withdraw", "job": "", "at": 1, "payload": Data([1])])
                try writer.append(
                    TransferDraft(
                        operation: "x", kind: "withdraw", at: DeedFixture.start, asset: asset, payload: [1],
                        postings: [
                            .init(account: "wallet", amount: -11), .init(account: "rail:x", amount: 11),
                        ]))
            }
        }
        #expect(try await ledger.audit().faults == [])
    }

    @Test func eachDayIsClosedWithASignedHead() async throws {
        let fixture = try DeedFixture()
        let ledger = try fixture.open()
        let day: Int64 = 86_400_000
        for index in 0..<6 {
            // A clock that is set back closes nothing.
            let at = DeedFixture.start + (index == 3 ? 0 : Int64(index) * day)
            #expect(await ledger.answer(.deposit(1, usdc, from: "a"), id: "d\(index)", at: at) == .booked)
        }
        let report = try await ledger.audit()
        #expect(report.faults == [] && report.heads == 3)
        // A head that another key signed, or of another hash, is found.
        let pubkey = fixture.key.publicKey.hex
        try await ledger.pool.writeWithoutTransaction { db in
            try db.execute(
                sql:
                    "DROP TRIGGER node_no_update; UPDATE node SET pubkey = '\(String(repeating: "0", count: 63))1'"
            )
        }
        #expect(try await ledger.audit().faults.count == 3)
        try await ledger.pool.writeWithoutTransaction { db in
            try db.execute(sql: "UPDATE node SET pubkey = '\(pubkey)'; DROP TRIGGER balance_no_update")
            try db.execute(
                sql: "UPDATE balance SET amount = amount + 1 WHERE transfer = 3 AND account = 'wallet'")
        }
        #expect(try await ledger.audit().faults.count == 2)
    }

    /// What fails in a group of commits undoes itself alone.
    @Test func aGroupCommitsWithoutItsFailures() async throws {
        let fixture = try DeedFixture()
        let ledger = try fixture.open()
        let asset = usdc
        let answers = await withTaskGroup(of: DeedAnswer.self) { group in
            for index in 0..<200 {
                group.addTask {
                    index % 2 == 0
                        ? await ledger.answer(.deposit(1, asset, from: "a"), id: "d\(index)")
                        : await ledger.answer(.void("nothing", asset), id: "v\(index)")
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count { $0 == .booked } == 100 && answers.count { $0 == .refused(.notFound) } == 100)
        #expect(try await ledger.balance(of: "wallet", asset) == 100)
        #expect(try await ledger.audit().faults == [])
    }
}
