// Proves that evidence is read in one form only, needs both signatures, and tells nothing of the job.

import FoundationEssentials
import NodeModel
import Nostr
import Testing

@Suite struct EvidenceTests {
    let provider = SecretKey.generate()
    let client = SecretKey.generate()

    private func body() throws -> ReceiptBody { try ReceiptSample.body(provider, for: client) }

    private func evidence(_ outcome: Evidence.Outcome = .ok) throws -> Evidence {
        let body = try body()
        let receipt = try provider.sign(try body.template())
        let foil = try #require(Counterfoil(receipt, body))
        let signature = try #require(Hex.decode(try provider.sign(foil.template).sig, count: 64))
        return Evidence(
            counterfoil: foil, signature: signature, outcome: outcome, createdAt: 1_790_000_001)
    }

    @Test(arguments: Evidence.Outcome.allCases) func evidenceSurvives(_ outcome: Evidence.Outcome) throws {
        let evidence = try evidence(outcome)
        let event = try client.sign(evidence.template)
        #expect(Evidence(event) == evidence)
        #expect(evidence.rater == client.publicKey && evidence.subject == provider.publicKey)
    }

    @Test func nothingOfTheJobIsInIt() throws {
        let (body, evidence) = (try body(), try evidence())
        let text = String(decoding: evidence.template.serialized(), as: UTF8.self)
        for secret in [
            body.job.text, body.model, body.modelRoot.hex, body.requestHash.hex, body.resultHash.hex,
            body.image,
        ] { #expect(!text.contains(secret)) }
    }

    @Test func anyOtherFormIsRefused() throws {
        let template = try evidence().template
        for index in template.tags.indices {
            for change in 0..<4 {
                var other = template
                switch change {
                case 0: other.tags.append(other.tags[index])
                case 1: other.tags[index].append("more")
                case 2: other.tags.remove(at: index)
                default: other.tags.swapAt(index, (index + 1) % other.tags.count)
                }
                #expect(Evidence(unproven: try client.sign(other)) == nil, "tag \(index), change \(change)")
            }
        }
        var other = template
        other.content = "a word more"
        #expect(Evidence(unproven: try client.sign(other)) == nil)
        other = template
        other.kind = EventKind.receipt
        #expect(Evidence(unproven: try client.sign(other)) == nil)
        other = template
        other.createdAt = 1_790_000_000 - Evidence.clockSkew - 1
        #expect(Evidence(unproven: try client.sign(other)) == nil)
        for (place, value) in [(2, "-1"), (2, "054"), (3, "030"), (4, "+1790000000"), (5, "fine"), (6, "00")]
        {
            var other = template
            other.tags[place][1] = value
            #expect(Evidence(unproven: try client.sign(other)) == nil, "\(place) \(value)")
        }
    }

    @Test func bothSignaturesAreNeeded() throws {
        let good = try evidence()
        let stranger = SecretKey.generate()
        // Somebody else's counterfoil, the provider's signature under something else, and a client who did not sign.
        var forged = good
        forged.counterfoil.provider = stranger.publicKey
        forged.signature = try #require(
            Hex.decode(try stranger.sign(forged.counterfoil.template).sig, count: 64))
        forged.counterfoil.provider = provider.publicKey
        #expect(Evidence(try client.sign(forged.template)) == nil)
        #expect(Evidence(unproven: try client.sign(forged.template)) != nil)
        for change in 0..<4 {
            var other = good
            switch change {
            case 0: other.counterfoil.price += 1
            case 1: other.counterfoil.usage.completionTokens += 1
            case 2: other.counterfoil.finishedAt -= 1
            default: other.counterfoil.receipt = Digest(hashing: "another receipt")
            }
            #expect(Evidence(try client.sign(other.template)) == nil, "change \(change)")
        }
        // What the provider signed for one client is nothing in the mouth of another.
        var stolen = good
        stolen.counterfoil.client = stranger.publicKey
        #expect(Evidence(try stranger.sign(stolen.template)) == nil)
        let event = try client.sign(good.template)
        let other = try client.sign(try evidence(.wrong).template)
        let mixed = SignedEvent(
            id: event.id, pubkey: event.pubkey, createdAt: event.createdAt, kind: event.kind,
            tags: event.tags,
            content: "", sig: other.sig)
        #expect(Evidence(mixed) == nil)
    }

    @Test func nobodySpeaksOfHimself() throws {
        var body = try body()
        body.client = body.provider
        let receipt = try provider.sign(try body.template())
        #expect(Counterfoil(receipt, body) == nil)
        var own = try evidence()
        own.counterfoil.client = provider.publicKey
        #expect(Evidence(unproven: try provider.sign(own.template)) == nil)
    }

    @Test func itCountsForItsTime() throws {
        let evidence = try evidence()
        let made = evidence.createdAt
        #expect(evidence.isCurrent(unixNow: made) && evidence.isCurrent(unixNow: made - Evidence.clockSkew))
        #expect(!evidence.isCurrent(unixNow: made - Evidence.clockSkew - 1))
        #expect(evidence.isCurrent(unixNow: made + Evidence.longestLife - 1))
        #expect(!evidence.isCurrent(unixNow: made + Evidence.longestLife))
    }

    /// The example beside the schema, made by other code (`Tests/EndToEnd/schnorr.py`).
    @Test func theExampleOfTheSchemaHolds() throws {
        let path = "\(#filePath)".split(separator: "/").dropLast(3).joined(separator: "/")
        let bytes = try Data(contentsOf: URL(filePath: "/\(path)/schemas/examples/evidence.json"))
        let event = try JSONDecoder().decode(SignedEvent.self, from: bytes)
        #expect(Evidence(event)?.outcome == .ok)
    }
}
