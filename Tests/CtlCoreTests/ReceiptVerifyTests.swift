// Proves that a receipt file is accepted as it was written, and rejected after any change of any byte.

import Foundation
import NodeModel
import Nostr
import Testing
import Wire

@testable import CtlCore

@Suite struct ReceiptVerifyTests {
    /// A receipt that a provider signed and a client accepted, with fixed keys.
    static func bundle(accepted: Bool = true) async throws -> ReceiptBundle {
        let provider = try #require(SecretKey(bytes: [UInt8](repeating: 1, count: 32)))
        let client = try #require(SecretKey(bytes: [UInt8](repeating: 2, count: 32)))
        let job = try #require(JobID("job_0199d0c2a4b50000000000000000beef"))
        let body = ReceiptBody(
            job: job, provider: provider.publicKey, client: client.publicKey, model: "smollm2-135m-instruct",
            modelRoot: Digest(hashing: "model"), image: "sha256:" + Digest(hashing: "image").hex,
            requestHash: Digest(hashing: "question"), resultHash: Digest(hashing: "answer"),
            usage: Usage(promptTokens: 31, completionTokens: 8),
            timings: StageTimings(queueMs: 0, loadMs: 300, firstTokenMs: 20, generateMs: 160), finish: .stop,
            unitPrice: UnitPrice(prompt: 1, completion: 2), price: 47, finishedAt: 1_790_000_000)
        let receipt = try provider.sign(try body.template())
        let acceptance = try client.sign(
            Acceptance.template(receipt: receipt, body: body, acceptedAt: 1_790_000_001))
        return ReceiptBundle(receipt: receipt, acceptance: accepted ? acceptance : nil)
    }

    @Test("the file as written is accepted, and what was proven is told")
    func accepted() async throws {
        let bytes = try ReceiptFile.encode(try await Self.bundle())
        let report = try Receipt.Verify.report(bytes, source: "r.json")
        let lines = ReceiptView.lines(report, .plain)
        #expect(lines.first == "receipt of job_0199d0c2a4b50000000000000000beef")
        #expect(lines.contains("price      0.000047 test:credit (31 × 1 + 8 × 2 micro)"))
        #expect(lines.filter { $0.hasPrefix("✓") }.count == 5)
        let document = Output.encode(ReceiptView.Document(report))
        #expect(document.contains("\"accepted\":true") && document.contains("\"valid\":true"))
    }

    @Test("without the acceptance it says so, and claims one thing less")
    func unaccepted() async throws {
        let bytes = try ReceiptFile.encode(try await Self.bundle(accepted: false))
        let lines = ReceiptView.lines(try Receipt.Verify.report(bytes, source: "r"), .plain)
        #expect(lines.filter { $0.hasPrefix("✓") }.count == 4)
        #expect(lines.last == "· the client's acceptance is not in this file")
    }

    @Test("every byte, changed in eight ways, removed or doubled, is noticed")
    func everyByte() async throws {
        let bytes = try ReceiptFile.encode(try await Self.bundle())
        let wrong = WireError(.verificationFailed, "")
        for at in bytes.indices {
            for mask: UInt8 in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80] {
                var changed = bytes
                changed[at] ^= mask
                #expect(throws: wrong, "byte \(at), mask \(mask)") {
                    try Receipt.Verify.report(changed, source: "r")
                }
            }
            var shorter = bytes
            shorter.remove(at: at)
            #expect(throws: wrong, "byte \(at) removed") { try Receipt.Verify.report(shorter, source: "r") }
            var longer = bytes
            longer.insert(bytes[at], at: at)
            #expect(throws: wrong, "byte \(at) doubled") { try Receipt.Verify.report(longer, source: "r") }
        }
        for extra in ["", "\n", " ", "{}"] where extra != "" {
            #expect(throws: wrong) { try Receipt.Verify.report(bytes + Array(extra.utf8), source: "r") }
            #expect(throws: wrong) { try Receipt.Verify.report(Array(extra.utf8) + bytes, source: "r") }
        }
    }

    @Test("an acceptance by another key, or of another receipt, is refused")
    func foreignAcceptance() async throws {
        let bundle = try await Self.bundle()
        let stranger = try #require(SecretKey(bytes: [UInt8](repeating: 3, count: 32)))
        let body = try ReceiptBody(bundle.receipt)
        var template = Acceptance.template(receipt: bundle.receipt, body: body, acceptedAt: 1)
        template.pubkey = stranger.publicKey
        let forged = ReceiptBundle(receipt: bundle.receipt, acceptance: try stranger.sign(template))
        #expect(throws: WireError(.verificationFailed, "")) {
            try Receipt.Verify.report(try ReceiptFile.encode(forged), source: "r")
        }
    }

    @Test("a file of another kind is refused in words", arguments: ["", "\n", "{}\n", "null\n", "not json"])
    func nonsense(_ text: String) {
        let error = #expect(throws: WireError(.verificationFailed, "")) {
            try Receipt.Verify.report(Array(text.utf8), source: "x.json")
        }
        #expect(error?.message.contains("x.json is NOT valid") == true)
        #expect(error?.fix != nil)
    }
}
