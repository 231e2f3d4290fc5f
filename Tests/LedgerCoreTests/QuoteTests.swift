// Proves that a job that costs money is promised and taken on one quote that says the same to the letter, that both ledgers
// keep it and their receipts name it, and that the audit sees what was changed afterwards.

import EVM
import Foundation
import GRDB
import NIOConcurrencyHelpers
import NodeModel
import Nostr
import TestKit
import Testing
import Wire
import X402

@testable import Interfaces
@testable import LedgerCore

@Suite struct QuoteTests {
    private func refused(
        _ code: ErrorCode, _ words: String, _ body: () async throws -> some Sendable
    ) async {
        let error = await #expect(throws: WireError.self) { _ = try await body() }
        #expect(
            error?.code == code && error?.message.contains(words) == true, "\(words): \(error?.message ?? "")"
        )
    }

    private func promise(
        _ nodes: ChannelFixture, _ terms: QuoteTerms, _ quote: SignedEvent, provider: PublicKey? = nil
    ) async throws -> String {
        try await nodes.client.promise(
            .init(
                provider: provider ?? nodes.provider.key.publicKey, payTo: nodes.payTo, terms: terms,
                quote: quote)
        ).payment
    }

    private func take(
        _ nodes: ChannelFixture, _ terms: QuoteTerms, _ payment: String?, _ quote: SignedEvent?,
        ceiling: Int64? = 2_000, came: QuoteTerms? = nil
    ) async throws -> Bool {
        try await nodes.provider.take(
            TakenJob(terms, nodes.client.key.publicKey), payment: payment, ceiling: ceiling,
            quoted: quote.map {
                .init(event: $0, payload: (came ?? terms).payload, size: (came ?? terms).size)
            }
        ).repeated
    }

    /// An event that was changed on the way.
    private static func altered(
        _ event: SignedEvent, tags: [[String]]? = nil, sig: String? = nil
    ) -> SignedEvent {
        SignedEvent(
            id: event.id, pubkey: event.pubkey, createdAt: event.createdAt, kind: event.kind,
            tags: tags ?? event.tags, content: event.content, sig: sig ?? event.sig)
    }

    /// Each way in which a quote can be of something else, by the word that names it.
    private static let changes: [(String, @Sendable (inout QuoteTerms) -> Void)] = [
        ("'job'", { $0.job = ChannelFixture.job(9) }),
        ("'payload'", { $0.payload = Digest(hashing: "another") }), ("'payload'", { $0.size += 1 }),
        ("'model'", { $0.modelRoot = Digest(hashing: "another") }),
        ("'price'", { $0.unitPrice.prompt = 2 }), ("'price'", { $0.unitPrice.completion = 1 }),
        ("'max_tokens'", { $0.maxTokens -= 1 }),
    ]

    @Test func bothBooksAndTheReceiptNameTheQuote() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        try await nodes.run(1)
        let quote = try nodes.quote(1)
        for daemon in [nodes.client, nodes.provider] {
            let kept = try await daemon.ledger.reading { db in
                try String.fetchAll(db, sql: "SELECT quote FROM pledge")
            }
            #expect(kept == [quote.id])
            let receipts = try await daemon.ledger.reading { db in
                try Set(String.fetchAll(db, sql: "SELECT receipt FROM operation WHERE receipt IS NOT NULL"))
                    .map { try Ledger.event($0, db) }
            }
            #expect(receipts.count == 1)
            #expect(receipts.map { ReceiptBody.quote(of: $0)?.hex } == [quote.id])
        }
        try await nodes.requireSound()
    }

    @Test func whatIsSignedIsBoundedAndKeptNowhere() async throws {
        let nodes = try ChannelFixture()
        let client = nodes.client.key.publicKey
        let right = ChannelFixture.terms(1, 2_000)
        let event = try nodes.provider.signQuote(.init(client: client, terms: right))
        let quote = try #require(Quote(event))
        #expect(quote.ceiling == 2_000 && quote.rails == [.batchSettlement] && quote.client == client)
        #expect(quote.expiresAt - quote.createdAt == Quote.life)
        let kept = try await nodes.provider.ledger.reading { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM event")
        }
        #expect(kept == 0)
        let wrong: [(String, (inout QuoteTerms) -> Void)] = [
            ("terms.unit_price.asset", { $0.unitPrice.asset = .testCredit }),
            ("unit_price.asset", { $0.unitPrice.asset = CreditFixture.price.asset }),
            ("terms.unit_price", { $0.unitPrice.prompt = -1 }),
            ("terms.max_tokens", { $0.maxTokens = 0 }),
            ("terms.max_tokens", { $0.maxTokens = QuoteTerms.longestAnswer + 1 }),
            ("terms.size", { $0.size = 0 }), ("terms.size", { $0.size = QuoteTerms.largestPayload + 1 }),
            ("terms", { ($0.unitPrice.prompt, $0.unitPrice.completion) = (0, 0) }),
            ("terms", { $0.unitPrice.prompt = Deed.largestAmount }),
            ("terms", { $0.unitPrice.prompt = .max }),
        ]
        for (field, change) in wrong {
            var terms = right
            change(&terms)
            let asked = terms
            await refused(.policyRefused, "'\(field)'") {
                try nodes.provider.signQuote(.init(client: client, terms: asked))
            }
        }
        for client in [nodes.provider.key.publicKey, PublicKey(bytes: [UInt8](repeating: 0, count: 32))] {
            let client = try #require(client)
            await refused(.policyRefused, "'client'") {
                try nodes.provider.signQuote(.init(client: client, terms: right))
            }
        }
        // The policy has a row of it, for aggregator-d alone.
        #expect(throws: WireError(.notPermitted, "")) {
            try nodes.provider.table.check("ledger.sign_quote", by: .ws)
        }
        let row = nodes.provider.table.shown.first { $0.intent == "ledger.sign_quote" }
        #expect(
            row?.callers == ["aggregator-d"] && row?.effect.contains("\(Deed.largestAmount) units") == true)
    }

    @Test func nothingIsPromisedOnAQuoteOfSomethingElse() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        let right = ChannelFixture.terms(1, 2_000)
        let (provider, client) = (nodes.provider, nodes.client.key.publicKey)
        for (name, change) in Self.changes {
            var other = right
            change(&other)
            let quote = try provider.signQuote(.init(client: client, terms: other))
            await refused(.verificationFailed, name) { try await promise(nodes, right, quote) }
        }
        let another = try provider.signQuote(.init(client: SecretKey.generate().publicKey, terms: right))
        await refused(.verificationFailed, "'p'") { try await promise(nodes, right, another) }
        let quote = try nodes.quote(1)
        await refused(.verificationFailed, "author") {
            try await promise(nodes, right, quote, provider: SecretKey.generate().publicKey)
        }
        var tags = quote.tags
        tags[6][1] = "1999"
        let lower = Self.altered(quote, tags: tags)
        await refused(.verificationFailed, "another form") { try await promise(nodes, right, lower) }
        let made = try #require(Quote(quote))
        var paid = made
        paid.rails = [.credit]
        let credit = try provider.key.sign(paid.template)
        await refused(.verificationFailed, "'rails'") { try await promise(nodes, right, credit) }
        var ahead = made
        ahead.createdAt += Quote.clockSkew + 1
        let early = try provider.key.sign(ahead.template)
        await refused(.verificationFailed, "ahead of this clock") { try await promise(nodes, right, early) }
        nodes.wait(Quote.life)
        await refused(.paymentRequired, "a new one is required") { try await promise(nodes, right, quote) }
        #expect(try await nodes.channel(nodes.client).open == 0)
        #expect(try await nodes.channel(nodes.client).ceiling == 0)
        try await nodes.requireSound()
    }

    @Test func nothingIsTakenOnAQuoteOfSomethingElse() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        let right = ChannelFixture.terms(1, 2_000)
        let (provider, client) = (nodes.provider, nodes.client.key.publicKey)
        let payment = try await nodes.promise(1)
        await refused(.paymentRequired, "A quote is required") {
            try await take(nodes, right, payment, nil)
        }
        for (name, change) in Self.changes {
            var other = right
            change(&other)
            let quote = try provider.signQuote(.init(client: client, terms: other))
            await refused(.policyRefused, name) { try await take(nodes, right, payment, quote) }
        }
        let quote = try nodes.quote(1)
        // What came is another payload than what was priced.
        var came = right
        came.payload = Digest(hashing: "what came")
        let sent = came
        await refused(.policyRefused, "'payload'") {
            try await take(nodes, right, payment, quote, came: sent)
        }
        for ceiling in [1_999, nil] as [Int64?] {
            await refused(.policyRefused, "'ceiling'") {
                try await take(nodes, right, payment, quote, ceiling: ceiling)
            }
        }
        let another = try provider.signQuote(.init(client: SecretKey.generate().publicKey, terms: right))
        await refused(.policyRefused, "'p'") { try await take(nodes, right, payment, another) }
        // Whoever else signs what this node would have signed.
        let thief = SecretKey.generate()
        var theirs = try #require(Quote(quote))
        theirs.provider = thief.publicKey
        let foreign = try thief.sign(theirs.template)
        await refused(.policyRefused, "author") { try await take(nodes, right, payment, foreign) }
        let unsigned = Self.altered(quote, sig: foreign.sig)
        await refused(.policyRefused, "another's signature") {
            try await take(nodes, right, payment, unsigned)
        }
        nodes.wait(Quote.life)
        await refused(.paymentRequired, "a new one is required") {
            try await take(nodes, right, payment, quote)
        }
        await #expect(throws: WireError.self) { try await nodes.receipt(1) }
        try await nodes.requireSound()
    }

    @Test func whatWasPromisedAndTakenStaysSoWhenTheQuoteIsOver() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        let terms = ChannelFixture.terms(1, 2_000)
        let quote = try nodes.quote(1)
        let payment = try await promise(nodes, terms, quote)
        #expect(try await !take(nodes, terms, payment, quote))
        nodes.wait(Quote.life + 1)
        // The same again is the same; on a newer quote it is another job under the same name.
        #expect(try await promise(nodes, terms, quote) == payment)
        #expect(try await take(nodes, terms, payment, quote))
        let newer = try nodes.provider.signQuote(.init(client: nodes.client.key.publicKey, terms: terms))
        #expect(newer.id != quote.id)
        await refused(.conflict, "on other terms") { try await promise(nodes, terms, newer) }
        await refused(.conflict, "on other terms") { try await take(nodes, terms, payment, newer) }
        _ = try await nodes.client.accept(try await nodes.receipt(1))
        try await nodes.requireSound()
    }

    @Test func whatIsRequiredIsWhatTheQuoteSays() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        let quote = try #require(Quote(try nodes.quote(1)))
        let refusal = await #expect(throws: WireError(.paymentRequired, "")) { try await nodes.take(1, nil) }
        let required = try PaymentRequired(header: try #require(refusal?.cause))
        #expect(required.accepts.first?.amount == UInt256(UInt64(quote.ceiling)))
        #expect(quote.rails.map(\.rawValue) == ["x402 \(try #require(required.accepts.first).scheme)"])
    }

    @Test func aReceiptOnAnotherQuoteIsNotAccepted() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        try await nodes.take(1, try await nodes.promise(1))
        let right = try await nodes.receipt(1)
        let body = try ReceiptBody(right)
        for quote in [nil, Digest(hashing: "another")] {
            let wrong = try nodes.provider.key.sign(try body.template(quote: quote))
            await refused(.policyRefused, "not on the quote") { try await nodes.client.accept(wrong) }
        }
        #expect(try await nodes.channel(nodes.client).charged == 0)
        _ = try await nodes.client.accept(right)
        #expect(try await nodes.channel(nodes.client).charged == 54)
        try await nodes.requireSound()
    }

    @Test func creditIsDrawnOnAQuoteToo() async throws {
        let nodes = try CreditFixture()
        try await nodes.bought()
        let terms = ChannelFixture.terms(1, 20_000, CreditFixture.price)
        let quote = try nodes.provider.signQuote(.init(client: nodes.keys.client, terms: terms))
        #expect(Quote(quote)?.rails == [.credit])
        var other = terms
        other.unitPrice.completion = 19
        let cheaper = other
        await refused(.verificationFailed, "'price'") {
            try await nodes.client.promise(
                .init(provider: nodes.keys.provider, payTo: nil, terms: cheaper, quote: quote))
        }
        let note = try await nodes.promise(1)
        await refused(.paymentRequired, "A quote is required") {
            try await nodes.provider.take(
                TakenJob(terms, nodes.keys.client), payment: note, ceiling: 20_000)
        }
        try await nodes.run(1)
        try await nodes.requireSound()
    }

    @Test func theSchemaPromisesNothingWithoutAQuoteNorTwiceOnOne() async throws {
        let nodes = try ChannelFixture()
        try await nodes.opened()
        try await nodes.run(1)
        let id = Data(try #require(Digest(hex: try await nodes.channel(nodes.client).id)).bytes)
        for (quote, words) in [(nil, "no quote"), (try nodes.quote(1).id, "UNIQUE")] {
            for daemon in [nodes.client, nodes.provider] {
                let error = await #expect(throws: DatabaseError.self) {
                    try await daemon.ledger.pool.write { db in
                        try db.execute(
                            sql:
                                "INSERT INTO pledge (channel, job, amount, at, quote) VALUES (?, 'job', 1, 0, ?)",
                            arguments: [id, quote])
                    }
                }
                #expect(error?.message?.contains(words) == true, "\(error?.message ?? "")")
            }
        }
    }

    @Test func theAuditFindsAQuoteThatIsNotWhatWasPromised() async throws {
        let faults: [(String, @Sendable (Quote, ChannelFixture) throws -> SignedEvent)] = [
            (
                "did not sign",
                { quote, nodes in
                    let event = try nodes.provider.key.sign(quote.template)
                    return Self.altered(event, sig: String(event.sig.reversed()))
                }
            ),
            (
                "not for what was promised",
                { quote, nodes in
                    var other = quote
                    other.terms.unitPrice.prompt += 1
                    return try nodes.provider.key.sign(other.template)
                }
            ),
            (
                "not for what was promised",
                { quote, nodes in
                    var other = quote
                    other.terms.job = ChannelFixture.job(7)
                    return try nodes.provider.key.sign(other.template)
                }
            ),
            (
                "not between the nodes",
                { quote, nodes in
                    let stranger = SecretKey.generate()
                    var other = quote
                    other.provider = stranger.publicKey
                    return try stranger.sign(other.template)
                }
            ),
            (
                "receipt names another|on other terms",
                { quote, nodes in
                    var other = quote
                    other.expiresAt += 1
                    return try nodes.provider.key.sign(other.template)
                }
            ),
        ]
        for (words, change) in faults {
            let nodes = try ChannelFixture()
            try await nodes.opened()
            try await nodes.run(1)
            let changed = try change(try #require(Quote(try nodes.quote(1))), nodes)
            let json = Data(try CanonicalJSON.encode(changed))
            for (daemon, place) in zip([nodes.client, nodes.provider], nodes.places) {
                // With the triggers out of the way, as somebody with the file could.
                let queue = try DatabaseQueue(path: place.path + "/" + Ledger.fileName)
                try await queue.write { db in
                    try db.execute(sql: "DROP TRIGGER pledge_no_update")
                    try db.execute(
                        sql: "INSERT OR REPLACE INTO event (id, json) VALUES (?, ?)",
                        arguments: [changed.id + "x", json])
                    try db.execute(sql: "UPDATE pledge SET quote = ?", arguments: [changed.id + "x"])
                }
                let found = try await daemon.ledger.audit().faults
                #expect(
                    found.contains { fault in
                        words.split(separator: "|").contains { fault.contains($0) }
                    }, "\(words): \(found)")
            }
        }
    }
}
