// Proves that a content key reaches one provider for one job, and nobody else for anything else.

import NodeModel
import Nostr
import Testing
import Wire

@testable import LedgerCore

@Suite struct KeyWrappingTests {
    let client = SecretKey.generate()
    let provider = SecretKey.generate()
    let secret = Hex.encode(ContentKey().bytes)
    let job: JobID
    let other: JobID

    init() throws {
        job = try #require(JobID("job_0199d0c2a4b50000000000000000beef"))
        other = try #require(JobID("job_0199d0c2a4b50000000000000000beee"))
    }

    @Test func theProviderUnwrapsWhatTheClientWrapped() throws {
        let wrapped = try KeyWrapping(key: client).wrap(secret, job: job, recipient: provider.publicKey)
        #expect(!wrapped.contains(secret))
        #expect(try KeyWrapping(key: provider).unwrap(wrapped, job: job, sender: client.publicKey) == secret)
    }

    @Test func anotherJobSenderOrReaderIsRefused() throws {
        let wrapped = try KeyWrapping(key: client).wrap(secret, job: job, recipient: provider.publicKey)
        let stranger = SecretKey.generate()
        let cases: [(SecretKey, JobID, PublicKey, ErrorCode)] = [
            (provider, other, client.publicKey, .policyRefused),
            (provider, job, stranger.publicKey, .verificationFailed),
            (stranger, job, client.publicKey, .verificationFailed),
        ]
        for (key, job, sender, code) in cases {
            let error = #expect(throws: WireError.self) {
                try KeyWrapping(key: key).unwrap(wrapped, job: job, sender: sender)
            }
            #expect(error?.code == code && error?.description.contains(secret) == false)
        }
    }

    @Test(arguments: ["", "00", String(repeating: "g", count: 64), String(repeating: "A", count: 64)])
    func whatIsNoKeyIsNotWrapped(_ text: String) {
        let error = #expect(throws: WireError.self) {
            try KeyWrapping(key: client).wrap(text, job: job, recipient: provider.publicKey)
        }
        #expect(error?.code == .invalidParams)
    }

    @Test func whatIsNoEnvelopeIsNotUnwrapped() throws {
        let conversation = try NIP44.ConversationKey(client, with: provider.publicKey)
        for text in [
            "hello", "{}", #"{"content_key":"00","job":"\#(job)"}"#, #"{"content_key":"\#(secret)"}"#,
        ] {
            let payload = try NIP44.encrypt(text, conversation)
            let error = #expect(throws: WireError.self) {
                try KeyWrapping(key: provider).unwrap(payload, job: job, sender: client.publicKey)
            }
            #expect(error?.code == .verificationFailed)
        }
    }
}
