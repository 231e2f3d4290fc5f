// Proves that the headers read as the official SDK writes them, and that nothing but them is read.

import EVM
import FoundationEssentials
import NodeModel
import Testing

@testable import X402

@Suite struct DocumentTests {
    @Test func requirementsAndAnswersReadAsTheSDKWroteThem() throws {
        let documents = try Vectors.load().documents
        let required = try PaymentRequired(header: documents.required)
        // What is not of an EVM chain is left out.
        #expect(required.accepts.map(\.network) == ["eip155:137", "eip155:80002"])
        #expect(required.error == "Payment required" && required.resource?.url == "https://example.org/")
        #expect(required.accepts[0].extra["minDeposit"] == .text("15000"))
        #expect(try PaymentRequired(header: required.header) == required)
        let settled = try documents.settled.map { try SettlementResponse(header: $0) }
        #expect(settled[0].success && settled[0].amount == 1500 && settled[0].payer != nil)
        #expect(settled[0].extra["chargedAmount"] == .text("700"))
        #expect(!settled[1].success && settled[1].errorReason == "insufficient_funds")
        for answer in settled { #expect(try SettlementResponse(header: answer.header) == answer) }
    }

    @Test func anExactPaymentPaysWhatWasAskedForAndNothingElse() throws {
        let exact = try Vectors.load().exact
        let payload = try PaymentPayload(header: exact.header)
        let payment = try ExactPayment(payload.payload)
        let domain = EIP712Domain(
            name: "USD Coin", version: "2", chainID: 137, contract: payload.accepted.asset)
        #expect(payment.problem(payload.accepted, domain, now: exact.now) == nil)
        #expect(try ExactPayment(payment.payload) == payment)
        #expect(payment.problem(payload.accepted, domain, now: exact.now + 295) == "it runs out")
        var bridged = domain
        bridged.name = "USD Coin (PoS)"
        #expect(payment.problem(payload.accepted, bridged, now: exact.now) != nil)
        var dearer = payload.accepted
        dearer.amount = 4322
        #expect(payment.problem(dearer, domain, now: exact.now) == "it pays another amount")
        var changed = payment
        changed.authorization.value = 4322
        #expect(changed.problem(dearer, domain, now: exact.now) == "its signature is not the payer's")
        changed = payment
        changed.authorization.kind = .receive
        #expect(changed.problem(payload.accepted, domain, now: exact.now) != nil)
    }

    /// One change at a time to a good payment; each is refused with the field's name.
    @Test func whatIsNotInTheOneFormIsRefusedByName() throws {
        let header = try #require(try Vectors.load().channels.first?.headers["deposit"])
        let text = String(decoding: try #require(Data(base64Encoded: header)), as: UTF8.self)
        let changes: [(String, String, X402Error)] = [
            (#""x402Version":2"#, #""x402Version":1"#, .version),
            (#""x402Version":2"#, #""x402Version":2,"x402Version":2"#, .notJSON),
            (#""amount":"1500""#, #""amount":1500"#, .field("accepted.amount", "")),
            (#""amount":"1500""#, #""amount":"01500""#, .field("accepted.amount", "")),
            (#""amount":"1500""#, #""amount":"-1""#, .field("accepted.amount", "")),
            (#""amount":"15000""#, #""amount":"1e4""#, .field("payload.deposit.amount", "")),
            (
                #""withdrawDelay":900,"salt""#, #""withdrawDelay":899,"salt""#,
                .field("payload.channelConfig.withdrawDelay", "")
            ),
            (
                #""withdrawDelay":900,"salt""#, #""withdrawDelay":"900","salt""#,
                .field("payload.channelConfig.withdrawDelay", "")
            ),
            (#""payer":"0x9d8A"#, #""payer":"0x9D8A"#, .field("payload.channelConfig.payer", "")),
            (#""payer":"0x9d8A"#, #""payer":"0x0x9d"#, .field("payload.channelConfig.payer", "")),
            (#""channelId":"0x"#, #""channelId":""#, .field("payload.voucher.channelId", "")),
            (
                #""maxClaimableAmount":"1500""#,
                #""maxClaimableAmount":"340282366920938463463374607431768211456""#,
                .field("payload.voucher.maxClaimableAmount", "")
            ),
            (#""type":"deposit""#, #""type":"claim""#, .field("payload.type", "")),
            (#""type":"deposit","#, "", .field("payload.type", "")),
            (#""signature":"0xddbe"#, #""signature":"0xdd"#, .field("payload.voucher.signature", "")),
        ]
        for (old, new, due) in changes {
            try #require(text.contains(old), "\(old)")
            let changed = text.replacing(old, with: new, maxReplacements: 1)
            do throws(X402Error) {
                _ = try BatchPayment(
                    try PaymentPayload(header: Data(changed.utf8).base64EncodedString()).payload)
                Issue.record("\(new) was accepted")
            } catch {
                switch (error, due) {
                case (.field(let path, _), .field(let wanted, _)): #expect(path == wanted, "\(new): \(error)")
                default: #expect(error == due, "\(new)")
                }
            }
        }
    }

    @Test func sizesAreBounded() throws {
        #expect(throws: X402Error.tooLarge) {
            try PaymentPayload(header: String(repeating: "A", count: 30_000))
        }
        #expect(throws: X402Error.notBase64) { try PaymentPayload(header: "%%%") }
        #expect(throws: X402Error.notBase64) { try PaymentPayload(header: "") }
        let deep = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
        let rich = "[" + String(repeating: "0,", count: 2_000) + "0]"
        for text in [deep, rich, "{", "{\"a\":01}", "nul", "{} {}", "{\"a\":1.}"] {
            #expect(throws: X402Error.notJSON) { try X402Value(Array(text.utf8)) }
        }
        for text in ["{\"a\":-0.5e+7,\"b\":[true,null,\"\\u00e9\"]}", "[]", "0"] {
            let value = try X402Value(Array(text.utf8))
            #expect(try X402Value(value.json) == value)
        }
    }
}
