// Proves that what two nodes sign about credit is read in one form only, and needs its author's signature.

import FoundationEssentials
import NodeModel
import Nostr
import Testing

@Suite struct CreditEventsTests {
    let provider = SecretKey.generate()
    let client = SecretKey.generate()
    static let asset = Asset(rawValue: "bip122:000000000019d6689c085ae165831e93/bolt11:msat")

    static let hash = Digest(hashing: "preimage")

    private func requests() -> [CreditRequest] {
        [
            .buy(5_000), .back(4_000, fee: 0, invoice: "lnbc1"), .hold(5_000, Self.hash),
            .reveal(Self.hash, sealed: "c2VhbGVk"),
        ].map {
            CreditRequest(
                client: client.publicKey, provider: provider.publicKey, asset: Self.asset, wish: $0,
                createdAt: 1_790_000_000)
        }
    }
    private func offer(isHeld: Bool = false) -> CreditOffer {
        CreditOffer(
            provider: provider.publicKey, client: client.publicKey, asset: Self.asset, amount: 5_000,
            hash: Self.hash, isHeld: isHeld, createdAt: 1_790_000_000)
    }
    private func note(held: Digest? = nil) throws -> CreditNote {
        CreditNote(
            client: client.publicKey, provider: provider.publicKey,
            job: try #require(JobID("job_" + String(repeating: "07", count: 16))), asset: Self.asset,
            ceiling: 20_000, held: held, createdAt: 1_790_000_000)
    }

    @Test func whatIsSignedIsRead() throws {
        for request in requests() { #expect(CreditRequest(try client.sign(request.template)) == request) }
        for isHeld in [true, false] {
            let offer = offer(isHeld: isHeld)
            #expect(CreditOffer(try provider.sign(offer.template)) == offer)
        }
        let held = try note(held: Self.hash)
        #expect(CreditNote(try client.sign(held.template)) == held)
        #expect(try held != note())
        let event = try client.sign(try note().template)
        #expect(CreditNote(event) == (try note()))
        let text = String(decoding: try CanonicalJSON.encode(event), as: UTF8.self)
        #expect(CreditNote(text: text) == (try note()))
        #expect(CreditNote(text: text + "\n") == nil)
    }

    @Test func anyOtherFormIsRefused() throws {
        let templates =
            requests().map(\.template) + [
                offer().template, offer(isHeld: true).template, try note().template,
                try note(held: Self.hash).template,
            ]
        func isRead(_ template: EventTemplate) throws -> Bool {
            let event = try (template.pubkey == client.publicKey ? client : provider).sign(template)
            return CreditRequest(event) != nil || CreditOffer(event) != nil || CreditNote(event) != nil
        }
        for template in templates {
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
                    // A note without the hash of a purchase is one that draws on no purchase, under another signature.
                    if index == 3, change == 2 { continue }
                    #expect(try !isRead(other), "\(template.kind), tag \(index), change \(change)")
                }
            }
            var other = template
            other.content = "a word more"
            #expect(try !isRead(other))
            other = template
            other.kind += 10
            #expect(try !isRead(other))
            // Amounts are above zero and written in one way; the asset is money on Lightning; nobody deals with himself.
            let place = try #require(
                template.tags.firstIndex {
                    ["buy", "hold", "reveal", "back", "credit", "ceiling"].contains($0[0])
                })
            // A preimage has no amount; what stands there is not a hash either.
            for amount in ["0", "-1", "05", "+5", "1e3", "9223372036854775808", ""] {
                var other = template
                other.tags[place][1] = amount
                #expect(try !isRead(other), "\(template.kind) \(amount)")
            }
            for asset in ["test:credit", "eip155:137/erc20:0x3c49", "bip122:x y/bolt11:msat", ""] {
                var other = template
                other.tags[place][other.tags[place].count - 1] = asset
                #expect(try !isRead(other), "\(template.kind) \(asset)")
            }
            other = template
            other.tags[0][1] = template.pubkey.hex
            #expect(try !isRead(other))
        }
    }

    @Test func onlyItsAuthorSigns() throws {
        for template in requests().map(\.template) + [offer(isHeld: true).template, try note().template] {
            let stranger = SecretKey.generate()
            let signed = try stranger.sign(
                EventTemplate(
                    pubkey: stranger.publicKey, createdAt: template.createdAt, kind: template.kind,
                    tags: template.tags))
            let event = SignedEvent(
                id: signed.id, pubkey: template.pubkey, createdAt: signed.createdAt, kind: signed.kind,
                tags: signed.tags, content: "", sig: signed.sig)
            #expect(CreditRequest(event) == nil && CreditOffer(event) == nil && CreditNote(event) == nil)
        }
    }

    @Test func aRequestCountsForADay() throws {
        let request = requests()[0]
        let made = request.createdAt
        #expect(request.isCurrent(unixNow: made - CreditRequest.clockSkew))
        #expect(!request.isCurrent(unixNow: made - CreditRequest.clockSkew - 1))
        #expect(request.isCurrent(unixNow: made + CreditRequest.longestLife - 1))
        #expect(!request.isCurrent(unixNow: made + CreditRequest.longestLife))
    }

    /// The examples beside the schemas, made by other code (`Tests/EndToEnd/schnorr.py`).
    @Test func theExamplesOfTheSchemasHold() throws {
        let path = "\(#filePath)".split(separator: "/").dropLast(3).joined(separator: "/")
        func event(_ name: String) throws -> SignedEvent {
            let bytes = try Data(contentsOf: URL(filePath: "/\(path)/schemas/examples/\(name).json"))
            return try JSONDecoder().decode(SignedEvent.self, from: bytes)
        }
        #expect(CreditRequest(try event("credit-request")) != nil)
        #expect(CreditOffer(try event("credit-offer"))?.amount == 2_000_000)
        #expect(CreditNote(try event("credit-note"))?.ceiling == 20_000)
    }
}
