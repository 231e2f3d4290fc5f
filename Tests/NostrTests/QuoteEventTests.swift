// Proves that a quote is read in one form only, needs its provider's signature, costs what its terms cost, and says in which
// tag it differs from what was asked for; and that a receipt names its quote in one form.

import FoundationEssentials
import NodeModel
import Nostr
import Testing

@Suite struct QuoteEventTests {
    let provider = SecretKey.generate()
    let client = SecretKey.generate()
    static let usdc = Asset(rawValue: "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
    static let msat = Asset(rawValue: "bip122:000000000019d6689c085ae165831e93/bolt11:msat")

    private func terms(_ asset: Asset = usdc) throws -> QuoteTerms {
        QuoteTerms(
            job: try #require(JobID("job_" + String(repeating: "07", count: 16))),
            modelRoot: Digest(hashing: "model"), payload: Digest(hashing: "sealed"), size: 624,
            unitPrice: UnitPrice(asset: asset, prompt: 1, completion: 2), maxTokens: 510)
    }

    private func quote(
        _ rails: [Quote.Rail] = [.batchSettlement], chunk: Int? = nil
    ) throws -> Quote {
        Quote(
            provider: provider.publicKey, client: client.publicKey, terms: try terms(), rails: rails,
            chunk: chunk, createdAt: 1_790_000_000, expiresAt: 1_790_000_120)
    }

    @Test func whatIsSignedIsRead() throws {
        for rails in [[.batchSettlement], [.credit], [.credit, .batchSettlement]] as [[Quote.Rail]] {
            let quote = try quote(rails)
            #expect(Quote(try provider.sign(quote.template)) == quote)
        }
        // 468 bytes, 512 tokens of a template, and 510 tokens of an answer.
        #expect(try quote().ceiling == 468 + 512 + 2 * 510)
        #expect(try quote().template.tags[6] == ["ceiling", "2000"])
        #expect(Self.usdc.rail == .batchSettlement && Self.msat.rail == .credit)
        #expect(Asset.testCredit.rail == nil)
    }

    @Test func anyOtherFormIsRefused() throws {
        let template = try quote().template
        func isRead(_ template: EventTemplate) throws -> Bool { Quote(try provider.sign(template)) != nil }
        #expect(try isRead(template))
        for index in template.tags.indices {
            for change in 0..<4 {
                var other = template
                switch change {
                case 0: other.tags.append(other.tags[index])
                case 1: other.tags[index].append("more")
                case 2: other.tags.remove(at: index)
                default: other.tags.swapAt(index, (index + 1) % other.tags.count)
                }
                #expect(try !isRead(other), "tag \(index), change \(change)")
            }
        }
        let wrong: [(Int, Int, [String])] = [
            (0, 1, ["", "ab", client.publicKey.hex.uppercased(), provider.publicKey.hex]),
            (1, 1, ["", "job_1"]), (2, 1, ["", "zz"]),
            (2, 2, ["0", "-1", "0624", "+624", "4194305", "6e2", ""]), (3, 1, ["", "zz"]),
            (4, 1, ["-1", "01", "", "2"]), (4, 2, ["-2", "02", "3"]),
            (4, 3, ["test:credit", "gold", "", String(repeating: "a", count: 200)]),
            (5, 1, ["0", "-5", "0510", "16777217", "511"]),
            (6, 1, ["1999", "2001", "02000", "0", "-2000", ""]), (7, 1, ["", "gold", "Credit"]),
            (8, 1, ["", "trust"]), (9, 1, ["", "1790000000", "1789999999", "1790003601", "01790000120"]),
        ]
        for (tag, place, values) in wrong {
            for value in values {
                var other = template
                other.tags[tag][place] = value
                #expect(try !isRead(other), "\(template.tags[tag][0]) '\(value)'")
            }
        }
        var other = template
        other.tags[7] = ["rails", "credit", "credit"]
        #expect(try !isRead(other))
        other = template
        other.content = "a word more"
        #expect(try !isRead(other))
        other = template
        other.kind -= 1
        #expect(try !isRead(other))
        // What costs nothing has no quote, nor what cannot be counted.
        for price in [(0, 0), (Int64.max, 1)] as [(Int64, Int64)] {
            var other = try quote()
            (other.terms.unitPrice.prompt, other.terms.unitPrice.completion) = price
            #expect(try !isRead(other.template))
        }
    }

    @Test func aQuoteForVouchersMaySayHowManyTokensEachPays() throws {
        let quote = try quote(chunk: 128)
        let template = quote.template
        func isRead(_ template: EventTemplate) throws -> Bool { Quote(try provider.sign(template)) != nil }
        #expect(Quote(try provider.sign(template)) == quote && template.tags[10] == ["chunk", "128"])
        #expect(quote.firstTokens == 128 && quote.first == 980 + 256 && quote.ceiling == 2_000)
        #expect([0, 1, 509, 510, 511].map { quote.amount(tokens: $0) } == [980, 982, 1_998, 2_000, 2_000])
        #expect([0, 980, 981, 982, 1_999, 2_000].map { quote.tokens(for: $0) } == [0, 0, 0, 1, 509, 510])
        #expect(try self.quote().first == 2_000 && self.quote().firstTokens == 510)
        for value in ["", "0", "15", "510", "511", "0128", "+128", "-128", "1e2"] {
            var other = template
            other.tags[10][1] = value
            #expect(try !isRead(other), "'\(value)'")
        }
        for tag in [["chunk"], ["chunk", "128", ""], ["piece", "128"], []] {
            var other = template
            other.tags[10] = tag
            #expect(try !isRead(other), "\(tag)")
        }
        for index in template.tags.indices {
            var other = template
            other.tags.swapAt(index, (index + 1) % other.tags.count)
            #expect(try !isRead(other))
            other = template
            other.tags.append(other.tags[index])
            #expect(try !isRead(other))
        }
        // Credit was paid before: there is nothing to pay piece by piece.
        for rails in [[.credit], [.batchSettlement, .credit]] as [[Quote.Rail]] {
            let divided = try self.quote(rails, chunk: 128)
            #expect(try !isRead(divided.template))
        }
    }

    @Test func onlyItsProviderSigns() throws {
        let template = try quote().template
        let signed = try client.sign(
            EventTemplate(
                pubkey: client.publicKey, createdAt: template.createdAt, kind: template.kind,
                tags: template.tags))
        let event = SignedEvent(
            id: signed.id, pubkey: template.pubkey, createdAt: signed.createdAt, kind: signed.kind,
            tags: signed.tags, content: "", sig: signed.sig)
        #expect(Quote(event) == nil && Quote(unproven: event) != nil)
    }

    @Test func eachDifferenceIsNamed() throws {
        let quote = try quote()
        func difference(
            _ change: (inout QuoteTerms) -> Void = { _ in }, provider: PublicKey? = nil,
            client: PublicKey? = nil, rail: Quote.Rail = .batchSettlement
        ) -> String? {
            var terms = quote.terms
            change(&terms)
            return quote.difference(
                provider: provider ?? quote.provider, client: client ?? quote.client, terms: terms, rail: rail
            )
        }
        #expect(difference() == nil)
        let other = SecretKey.generate().publicKey
        #expect(difference(provider: other)?.contains("author") == true)
        #expect(difference(client: other)?.contains("'p'") == true)
        #expect(difference(rail: .credit)?.contains("'rails'") == true)
        let changes: [(String, (inout QuoteTerms) -> Void)] = [
            ("'job'", { $0.job = JobID("job_" + String(repeating: "08", count: 16)) ?? $0.job }),
            ("'payload'", { $0.payload = Digest(hashing: "another") }), ("'payload'", { $0.size += 1 }),
            ("'model'", { $0.modelRoot = Digest(hashing: "another") }),
            ("'price'", { $0.unitPrice.prompt += 1 }), ("'price'", { $0.unitPrice.completion += 1 }),
            ("'price'", { $0.unitPrice.asset = Self.msat }), ("'max_tokens'", { $0.maxTokens -= 1 }),
        ]
        for (name, change) in changes { #expect(difference(change)?.contains(name) == true, "\(name)") }
        #expect(quote.isCurrent(unixNow: quote.expiresAt - 1) && !quote.isCurrent(unixNow: quote.expiresAt))
    }

    @Test func aReceiptNamesItsQuoteInOneForm() throws {
        let body = try ReceiptSample.body(provider, for: client)
        let id = Digest(hashing: "quote")
        let named = try provider.sign(try body.template(quote: id))
        #expect(try ReceiptBody(named) == body && ReceiptBody.quote(of: named) == id)
        let plain = try provider.sign(try body.template())
        #expect(try ReceiptBody(plain) == body && ReceiptBody.quote(of: plain) == nil)
        for tag in [["quote", "ab"], ["quote"], ["quote", id.hex, ""], ["q", id.hex]] {
            var other = try body.template()
            other.tags.append(tag)
            #expect(throws: ReceiptError.wrongForm) { try ReceiptBody(try provider.sign(other)) }
        }
        var other = try body.template(quote: id)
        other.tags.swapAt(0, 1)
        #expect(throws: ReceiptError.wrongForm) { try ReceiptBody(try provider.sign(other)) }
        other = try body.template(quote: id)
        other.tags.append(["quote", id.hex])
        #expect(throws: ReceiptError.wrongForm) { try ReceiptBody(try provider.sign(other)) }
    }

    /// The example beside the schema, made by other code (`Tests/EndToEnd/schnorr.py`).
    @Test func theExampleOfTheSchemaHolds() throws {
        let path = "\(#filePath)".split(separator: "/").dropLast(3).joined(separator: "/")
        let bytes = try Data(contentsOf: URL(filePath: "/\(path)/schemas/examples/quote.json"))
        let quote = try #require(Quote(try JSONDecoder().decode(SignedEvent.self, from: bytes)))
        #expect(quote.ceiling == 2_000 && quote.rails == [.batchSettlement])
    }
}
