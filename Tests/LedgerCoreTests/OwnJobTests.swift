// Proves that a job of one's own is booked at once as it was by three steps: the same bytes, rows and audit, once, whatever is
// killed in between, and found again by whoever did not hear of it.

import GRDB
import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import TestKit
import Testing
import Wire

@testable import LedgerCore
@testable import LedgerCrashChild

@Suite struct OwnJobTests {
    let fixture: LedgerFixture

    init() throws { fixture = try LedgerFixture() }

    /// What the tables hold but signatures and hashes of them, which draw on chance.
    private static func rows(_ ledger: Ledger) async throws -> [[String]] {
        try await ledger.reading { db in
            try [
                "SELECT id, kind, job, at, receipt, acceptance IS NULL, payload FROM operation",
                "SELECT sequence, operation, kind, at, day, asset FROM transfer",
                "SELECT transfer, account, amount FROM posting ORDER BY account",
                "SELECT sequence, length(hash) FROM link", "SELECT count(*) FROM event",
            ].map { sql in try Row.fetchAll(db, sql: sql).map { "\($0)" } }
        }
    }

    @Test func theBooksAreThoseOfTheStepsOneByOne() async throws {
        let atOnce = try fixture.open()
        let own = atOnce.key.publicKey
        // Beyond every ceiling: what costs nothing is not limited.
        let body = try fixture.body(provider: own, client: own, unit: 1_000_000)
        let reply = try await atOnce.bookOwn(body)
        #expect(!reply.repeated)
        let other = try LedgerFixture()
        // The same key in another place: only the steps differ.
        let stepped = try Ledger(path: other.databasePath, key: atOnce.key)
        let template = try body.template()
        for (kind, accepted) in [(LedgerCore.Operation.Kind.issue, false), (.own, true)] {
            let (key, now) = (atOnce.key, fixture.now)
            _ = try await stepped.perform(
                Operation(kind: kind, job: body.job, client: own, provider: own), body: body,
                receiptID: Hex.encode(template.computedID()), at: fixture.time.withLockedValue { $0 }
            ) {
                let receipt = try key.sign(template)
                let acceptance = Acceptance.template(receipt: receipt, body: body, acceptedAt: now)
                return (receipt, accepted ? try key.sign(acceptance) : nil)
            }
        }
        let (left, right) = (try await Self.rows(atOnce.ledger), try await Self.rows(stepped))
        #expect(left == right)
        #expect(left.first?.count == 2 && left[1].count == 1 && left[2].count == 2)
        for ledger in [atOnce.ledger, stepped] { #expect(try await ledger.audit().faults == []) }
        let balance = try await atOnce.ledger.balance()
        #expect(balance.credits.earned == 0 && balance.credits.spent == 0 && balance.transfers == 1)
        // The file a person keeps is byte for byte what the receipt says.
        #expect(reply.bundle.receipt.id == Hex.encode(template.computedID()))
        #expect(try ReceiptFile.verify(try ReceiptFile.encode(reply.bundle)).body == body)
    }

    @Test func itHappensOnce() async throws {
        let daemon = try fixture.open()
        let own = daemon.key.publicKey
        let body = try fixture.body(provider: own, client: own)
        let first = try await daemon.bookOwn(body)
        // Signing draws randomness: equal events prove that they came from the ledger.
        for again in [try await daemon.bookOwn(body), try await fixture.open().bookOwn(body)] {
            #expect(again.repeated && again.bundle == first.bundle)
        }
        #expect(try await daemon.signReceipt(body) == first.bundle.receipt)
        let accepted = try await daemon.accept(first.bundle.receipt)
        #expect(accepted.repeated && accepted.acceptance == first.bundle.acceptance)
        var other = body
        other.resultHash = Digest(hashing: "another answer")
        let error = await #expect(throws: WireError.self) { try await daemon.bookOwn(other) }
        #expect(error?.code == .conflict)
        #expect(try await daemon.ledger.balance().transfers == 1)
        #expect(try await daemon.ledger.audit().faults == [])
    }

    @Test func whatWasSignedAloneIsAcceptedAsItStands() async throws {
        let daemon = try fixture.open()
        let own = daemon.key.publicKey
        let body = try fixture.body(provider: own, client: own)
        let receipt = try await daemon.signReceipt(body)
        #expect(try await daemon.findOwn([body.job]).bundles.isEmpty)
        let reply = try await daemon.bookOwn(body)
        #expect(!reply.repeated && reply.bundle.receipt == receipt)
        #expect(try await daemon.ledger.audit().faults == [])
        // Another answer under an id whose receipt is signed stays a conflict.
        let second = try fixture.body(provider: own, client: own, job: 2)
        _ = try await daemon.signReceipt(second)
        var other = second
        other.resultHash = Digest(hashing: "another answer")
        let error = await #expect(throws: WireError.self) { try await daemon.bookOwn(other) }
        #expect(error?.code == .conflict)
        #expect(try await daemon.ledger.balance().transfers == 1)
    }

    @Test func nobodyElseHasAPart() async throws {
        let daemon = try fixture.open()
        let (own, stranger) = (daemon.key.publicKey, SecretKey.generate().publicKey)
        for (provider, client) in [(own, stranger), (stranger, own), (stranger, stranger)] {
            let body = try fixture.body(provider: provider, client: client)
            let error = await #expect(throws: WireError.self) { try await daemon.bookOwn(body) }
            #expect(error?.code == .policyRefused)
        }
        var false1 = try fixture.body(provider: own, client: own)
        false1.price += 1
        await #expect(throws: WireError.self) { try await daemon.bookOwn(false1) }
        let old = try fixture.body(provider: own, client: own)
        fixture.time.withLockedValue { $0 += 2 * SigningPolicy.oldestJob * 1000 }
        await #expect(throws: WireError.self) { try await daemon.bookOwn(old) }
        #expect(try await daemon.ledger.isEmpty())
    }

    @Test func whoDidNotHearFindsIt() async throws {
        let daemon = try fixture.open()
        let (own, stranger) = (daemon.key.publicKey, SecretKey.generate())
        let bodies = try (1...3).map { try fixture.body(provider: own, client: own, job: $0) }
        let booked = [try await daemon.bookOwn(bodies[2]).bundle, try await daemon.bookOwn(bodies[0]).bundle]
        // A job at a stranger's is none of one's own, though its id is known.
        let remote = try fixture.receipt(stranger, client: own, job: 4)
        _ = try await daemon.accept(remote)
        let asked = bodies.map(\.job) + [try ReceiptBody(remote).job]
        #expect(try await daemon.findOwn(asked).bundles == booked.reversed())
        let tooMany = [JobID](repeating: asked[0], count: LedgerInterface.FindOwn.most + 1)
        let error = await #expect(throws: WireError.self) { try await daemon.findOwn(tooMany) }
        #expect(error?.code == .invalidParams)
    }

    @Test func sixtyFourAtOnceAreBookedOnceEach() async throws {
        let daemon = try fixture.open()
        let own = daemon.key.publicKey
        let replies = try await withThrowingTaskGroup(of: Bool.self) { group in
            for job in 0..<128 {
                group.addTask {
                    // Each twice at the same time.
                    let body = try fixture.body(provider: own, client: own, job: job / 2 + 1)
                    return try await daemon.bookOwn(body).repeated
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(replies.count { $0 } == 64)
        #expect(try await daemon.ledger.balance().transfers == 64)
        #expect(try await daemon.ledger.audit().faults == [])
    }

    @Test(.timeLimit(.minutes(5)))
    func everyBoundarySurvivesAKill() async throws {
        let key = try #require(SecretKey(bytes: DeedScript.secret))
        let (kills, again) = try await KillWalk(
            script: "own", start: OwnScript.ended * 1000, place: { try DeedFixture(key: key) },
            check: { place, at in
                let ledger = try place.open()
                let report = try await ledger.audit()
                #expect(report.faults == [] && report.transfers == 2 && report.operations == 4, at)
                let jobs = try [1, 2].map { try OwnScript.body($0, key.publicKey).job }
                let found = try await ledger.own(jobs, of: key.publicKey)
                for (number, bundle) in zip([1, 2], found) {
                    let outcome = try await OwnScript.book(
                        number, in: ledger, key, now: OwnScript.ended * 1000)
                    #expect(outcome.repeated && outcome.receipt == bundle.receipt, at)
                    #expect(outcome.acceptance == bundle.acceptance, at)
                }
                return found.count == 2 ? 0 : 1
            }
        ).run()
        #expect(kills > 30 && again == 0)
        KillCount.add(kills, "own jobs")
        print("figure: own jobs: killed at each of \(kills) boundaries, both booked once")
    }
}
