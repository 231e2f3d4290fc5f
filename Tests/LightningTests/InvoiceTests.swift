// Proves BOLT 11 against every example of the specification, the valid ones and the invalid ones.

import FoundationEssentials
import NodeModel
import Testing

@testable import Lightning

@Suite struct InvoiceTests {
    struct Valid: Decodable {
        let title, invoice, network: String
        let amount_msat: UInt64?
        let created_at, min_final_cltv: UInt64
        let expiry: UInt64?
        let payment_hash, payment_secret, payee: String
        let description, description_hash, metadata: String?
    }
    struct Invalid: Decodable {
        let title, invoice: String
    }
    struct File: Decodable {
        let valid: [Valid]
        let invalid: [Invalid]
    }

    static func file() throws -> File {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let path = folder.joined(separator: "/") + "/vectors/bolt11.json"
        return try JSONDecoder().decode(File.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    @Test func everyValidExample() throws {
        let vectors = try Self.file().valid
        #expect(vectors.count == 16)
        for vector in vectors {
            let invoice = try Invoice(vector.invoice)
            let note: Comment = "\(vector.title)"
            #expect(invoice.network.rawValue == vector.network, note)
            #expect(invoice.amount == vector.amount_msat, note)
            #expect(invoice.createdAt == vector.created_at, note)
            #expect(invoice.expiry == vector.expiry ?? Invoice.defaultExpiry, note)
            #expect(invoice.minFinalCLTV == vector.min_final_cltv, note)
            #expect(invoice.paymentHash.hex == vector.payment_hash, note)
            #expect(Hex.encode(invoice.paymentSecret) == vector.payment_secret, note)
            #expect("\(invoice.payee)" == vector.payee, note)
            #expect(invoice.metadata.map { Hex.encode($0) } == vector.metadata, note)
            switch invoice.purpose {
            case .text(let text): #expect(text == vector.description, note)
            case .hash(let hash): #expect(hash.hex == vector.description_hash, note)
            }
            // The same in upper case and as a link.
            #expect(try Invoice(vector.invoice.uppercased()) == invoice)
            #expect(try Invoice("lightning:" + vector.invoice) == invoice)
        }
    }

    @Test func everyInvalidExample() throws {
        let expected: [InvoiceError] = [
            .unknownFeature(100), .bech32(.badChecksum), .bech32(.badShape), .bech32(.badCharacter),
            .badSignature, .truncated, .badAmount("2500x"), .belowMillisatoshi("2500000001p"),
            .missingField("s"), .badSignature,
        ]
        let vectors = try Self.file().invalid
        #expect(vectors.count == expected.count)
        for (vector, error) in zip(vectors, expected) {
            #expect(throws: error, "\(vector.title)") { try Invoice(vector.invoice) }
        }
    }

    /// The values that the specification's text gives for its examples with routes and fallbacks.
    @Test func routesAndFallbacks() throws {
        let invoices = try Self.file().valid
        func find(_ part: String) throws -> Invoice {
            try Invoice(try #require(invoices.first { $0.title.contains(part) }).invoice)
        }
        let routed = try find("extra routing info")
        #expect(routed.routes.count == 1 && routed.routes[0].count == 2)
        let hops = routed.routes[0]
        #expect("\(hops[0].node)" == "029e03a901b85534ff1e92c43c74431f7ce72046060fcf7a95c37e148f78c77255")
        #expect("\(hops[1].node)" == "039e03a901b85534ff1e92c43c74431f7ce72046060fcf7a95c37e148f78c77255")
        // 66051x263430x1800 and 197637x395016x2314
        #expect(hops.map(\.channel) == [0x0102_0304_0506_0708, 0x0304_0506_0708_090A])
        #expect(hops.map(\.baseFee) == [1, 2] && hops.map(\.proportionalFee) == [20, 30])
        #expect(hops.map(\.cltvDelta) == [3, 4])
        #expect(routed.fallbacks.map(\.version) == [17])
        #expect(
            routed.fallbacks.map { Hex.encode($0.program) } == ["04b61f7dc1ea0dc99424464cc4064dc564d91e89"])
        #expect(try find("P2SH").fallbacks.map(\.version) == [18])
        #expect(try find("P2WPKH").fallbacks.map(\.program.count) == [20])
        #expect(try find("P2WSH").fallbacks.map(\.program.count) == [32])
        #expect(try find("P2TR").fallbacks.map(\.version) == [1])
        let ignoring = try find("must be ignored")
        #expect(ignoring.fallbacks.isEmpty && ignoring.features.bits == [8, 14, 99])
        #expect(try find("payment metadata").features.bits == [8, 14, 48])
    }

    @Test func timeAndProof() throws {
        let invoice = try Invoice(try #require(try Self.file().valid.dropFirst().first).invoice)
        #expect(invoice.expiry == 60 && invoice.expiresAt == invoice.createdAt + 60)
        #expect(!invoice.isExpired(now: invoice.createdAt + 59) && invoice.isExpired(now: invoice.expiresAt))
        #expect(!invoice.isPaid(by: [UInt8](repeating: 0, count: 32)) && !invoice.isPaid(by: []))
    }

    /// Every character of an invoice counts.
    @Test func mistypedCharactersAreFound() throws {
        let text = try #require(try Self.file().valid.first).invoice
        for index in text.indices {
            var wrong = text
            wrong.replaceSubrange(index...index, with: text[index] == "q" ? "p" : "q")
            #expect(throws: InvoiceError.self) { try Invoice(wrong) }
        }
    }

    @Test(
        arguments: [
            ("lnbc", nil), ("lnbc1", 100_000_000_000), ("lnbc1m", 100_000_000), ("lnbc25u", 2_500_000),
            ("lnbc7n", 700), ("lnbc10p", 1), ("lnbcrt9678785340p", 967_878_534),
        ] as [(String, UInt64?)])
    func amounts(_ prefix: String, _ expected: UInt64?) throws {
        #expect(try InvoiceAmount(prefix: prefix).amount == expected)
    }

    @Test(arguments: [
        "lnbc0", "lnbc01m", "lnbcm1", "lnbc1mm", "lnbc1x", "lnbc1.5m", "lnbc-1m", "lnbc18446744073709551616",
        "lnbc184467441", "lnbc1٣m",
    ])
    func otherAmountsAreRefused(_ prefix: String) {
        #expect(throws: InvoiceError.self) { try InvoiceAmount(prefix: prefix) }
    }

    @Test(arguments: ["lnxx1m", "bc1m", "ln1m", "", "lnBC1m"])
    func otherNetworksAreRefused(_ prefix: String) {
        #expect(throws: InvoiceError.unknownNetwork(prefix)) { try InvoiceAmount(prefix: prefix) }
    }

    @Test func featuresNeedTheirFeatures() throws {
        // basic_mpp (17) without payment_secret (15)
        #expect(throws: InvoiceError.missingFeature(14)) { try InvoiceFeatures(words: [4, 0, 0, 0]) }
        #expect(try InvoiceFeatures(words: [5, 0, 0, 0]).allowsParts)
    }
}
