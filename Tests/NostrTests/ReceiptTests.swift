// Proves that a receipt file holds only as it was written: any one byte changed, and it is refused.

import NodeModel
import Nostr
import Testing

@Suite struct ReceiptTests {
    let provider = SecretKey.generate()
    let client = SecretKey.generate()

    private func body() throws -> ReceiptBody { try ReceiptSample.body(provider, for: client) }

    private func bundle() throws -> ReceiptBundle {
        let body = try body()
        let receipt = try provider.sign(try body.template())
        let acceptance = try client.sign(
            Acceptance.template(receipt: receipt, body: body, acceptedAt: 1_790_000_001))
        return ReceiptBundle(receipt: receipt, acceptance: acceptance)
    }

    @Test func aFileVerifies() throws {
        let bundle = try bundle()
        let bytes = try ReceiptFile.encode(bundle)
        let (again, body) = try ReceiptFile.verify(bytes)
        #expect(again == bundle)
        #expect(body == (try self.body()))
        let unaccepted = ReceiptBundle(receipt: bundle.receipt, acceptance: nil)
        #expect(try ReceiptFile.verify(try ReceiptFile.encode(unaccepted)).bundle == unaccepted)
    }

    @Test func anyOneByteChangedIsRefused() throws {
        let bytes = try ReceiptFile.encode(try bundle())
        for index in bytes.indices {
            for flip in [UInt8(0x01), 0x20] {
                var changed = bytes
                changed[index] ^= flip
                #expect(throws: ReceiptFile.Failure.self, "byte \(index) ^ \(flip)") {
                    try ReceiptFile.verify(changed)
                }
            }
            var shorter = bytes
            shorter.remove(at: index)
            #expect(throws: ReceiptFile.Failure.self, "byte \(index) removed") {
                try ReceiptFile.verify(shorter)
            }
            var longer = bytes
            longer.insert(0x20, at: index)
            #expect(throws: ReceiptFile.Failure.self, "space at \(index)") { try ReceiptFile.verify(longer) }
        }
        #expect(throws: ReceiptFile.Failure.newline) { try ReceiptFile.verify(bytes + [0x20]) }
        #expect(throws: ReceiptFile.Failure.self) { try ReceiptFile.verify(bytes + [0x0A]) }
        #expect(throws: ReceiptFile.Failure.newline) { try ReceiptFile.verify([UInt8]()) }
    }

    @Test func aWrongPriceIsNotSignedNorRead() throws {
        var wrong = try body()
        wrong.price = 55
        #expect(throws: ReceiptError.wrongPrice(stated: 55, computed: 54)) { try wrong.template() }
        let content = String(decoding: try CanonicalJSON.encode(wrong), as: UTF8.self)
        let event = try provider.sign(
            EventTemplate(
                pubkey: provider.publicKey, createdAt: wrong.finishedAt, kind: EventKind.receipt,
                tags: [["p", client.publicKey.hex]], content: content))
        #expect(throws: ReceiptError.wrongPrice(stated: 55, computed: 54)) { try ReceiptBody(event) }
        wrong.usage.promptTokens = -1
        #expect(throws: ReceiptError.negative(field: "usage.prompt_tokens")) { try wrong.template() }
        wrong = try body()
        wrong.unitPrice.completion = .max / 2
        #expect(throws: ReceiptError.wrongPrice(stated: 54, computed: nil)) { try wrong.template() }
    }

    @Test func aReceiptSignedByAnotherIsRefused() throws {
        let body = try body()
        var template = try body.template()
        template.pubkey = client.publicKey
        let event = try client.sign(template)
        #expect(throws: ReceiptError.wrongAuthor) { try ReceiptBody(event) }
    }

    @Test func anAcceptanceBelongsToOneReceiptAndOneClient() throws {
        let bundle = try bundle()
        let body = try body()
        let acceptance = try #require(bundle.acceptance)
        let second = try provider.sign(try body.template())
        // The same body signed again has the same id: the acceptance covers what was said, not the signature.
        try Acceptance.check(acceptance, receipt: second, body: body)
        var other = body
        other.finishedAt += 1
        let receipt = try provider.sign(try other.template())
        #expect(throws: ReceiptError.otherReceipt) {
            try Acceptance.check(acceptance, receipt: receipt, body: other)
        }
        let stranger = SecretKey.generate()
        var template = acceptance.template
        template.pubkey = stranger.publicKey
        let forged = try stranger.sign(template)
        #expect(throws: ReceiptError.wrongAuthor) {
            try Acceptance.check(forged, receipt: bundle.receipt, body: body)
        }
    }
}
