// Proves that LND's answers are taken for what its documentation says they are, and for no more.

import NodeModel
import Testing

@testable import LedgerCore

@Suite struct LNDAnswerTests {
    private let secret = [UInt8](repeating: 7, count: 32)
    private var hash: Digest { Digest(hashing: secret) }
    private var preimage: String { Hex.encode(secret) }

    private func payment(_ body: String, status: Int = 200) -> Result<LightningClaim, LightningTrouble> {
        Result { () throws(LightningTrouble) in try LNDAnswer.payment(body, status: status, of: hash) }
    }

    private func line(_ status: String, hash: String? = nil) -> String {
        #"{"result":{"payment_hash":"\#(hash ?? self.hash.hex)","status":"\#(status)","payment_preimage":"\#(preimage)","#
            + #""fee_msat":"1500","failure_reason":"FAILURE_REASON_NO_ROUTE","htlcs":[]}}"#
    }

    @Test func aPaymentIsReadByItsStatus() {
        #expect(payment(line("SUCCEEDED")) == .success(.paid(preimage: secret, fee: 1_500)))
        #expect(
            payment(line("FAILED")) == .success(.failed("LND says that it failed: FAILURE_REASON_NO_ROUTE")))
        for status in ["IN_FLIGHT", "INITIATED", "UNKNOWN", "something new"] {
            #expect(payment(line(status)) == .success(.pending), "\(status)")
        }
        let other = Digest(hashing: "another").hex
        #expect(
            payment(line("SUCCEEDED", hash: other))
                == .failure(.contradiction("LND speaks of another payment")))
    }

    @Test func onlyNotFoundIsUnknown() {
        for body in [
            #"{"error":{"code":5,"message":"payment isn't initiated","details":[]}}"#,
            #"{"error":{"grpc_code":5,"http_code":404,"message":"payment isn't initiated","http_status":"Not Found"}}"#,
            #"{"code":5,"message":"payment isn't initiated","details":[]}"#,
        ] {
            #expect(payment(body, status: 404) == .success(.unknown), "\(body)")
        }
        #expect(
            payment(#"{"code":2,"message":"wallet locked"}"#, status: 500)
                == .failure(.refused("wallet locked")))
        #expect(payment("Not Found", status: 404) == .failure(.silent("HTTP status 404")))
        #expect(payment("", status: 502) == .failure(.silent("HTTP status 502")))
    }

    @Test func aPlainNoIsOneThatBeganNothing() throws {
        func word(_ body: String) throws -> LightningWord? { try LNDAnswer.word(body, of: hash) }
        for code in [3, 7, 16] {
            let said = #"{"error":{"code":\#(code),"message":"no","details":[]}}"#
            #expect(try word(said) == .refused("LND: no"), "\(code)")
        }
        // Paid already, under way, or nobody knows: a look-up tells.
        for body in [
            #"{"error":{"code":6,"message":"invoice is already paid"}}"#, #"{"code":2,"message":"?"}"#, "",
            "{}",
        ] {
            #expect(try word(body) == nil, "\(body)")
        }
        #expect(try word(line("SUCCEEDED")) == .claim(.paid(preimage: secret, fee: 1_500)))
        #expect(throws: LightningTrouble.self) { try word(line("SUCCEEDED", hash: Digest(hashing: "x").hex)) }
    }

    @Test func anInvoiceIsItsOwnOrNone() throws {
        // The bytes of the hash and of the preimage in base64.
        func body(_ state: String, _ bytes: [UInt8]) -> String {
            #"{"state":"\#(state)","r_hash":"\#(base64(bytes))","r_preimage":"\#(base64(secret))","value_msat":"5"}"#
        }
        func read(_ body: String, _ status: Int = 200) throws -> LightningClaim {
            try LNDAnswer.invoice(body, status: status, of: hash)
        }
        #expect(try read(body("SETTLED", hash.bytes)) == .paid(preimage: secret, fee: nil))
        #expect(try read(body("OPEN", hash.bytes)) == .pending)
        #expect(try read(body("ACCEPTED", hash.bytes)) == .held(until: nil))
        // It ends with the first of what is held; what was given back before counts for nothing.
        let parts = [("CANCELED", 500), ("ACCEPTED", 900), ("ACCEPTED", 800)].map {
            #"{"state":"\#($0.0)","expiry_height":\#($0.1),"amt_msat":"5"}"#
        }
        let held =
            String(body("ACCEPTED", hash.bytes).dropLast()) + #","htlcs":[\#(parts.joined(separator: ","))]}"#
        #expect(try read(held) == .held(until: 800))
        #expect(try read(body("CANCELED", hash.bytes)) == .failed("the invoice ran out"))
        #expect(try read(#"{"code":5,"message":"unable to locate invoice"}"#, 404) == .unknown)
        #expect(throws: LightningTrouble.contradiction("LND speaks of another invoice")) {
            try read(body("SETTLED", secret))
        }
        #expect(throws: LightningTrouble.refused("locked")) {
            try read(#"{"code":2,"message":"locked"}"#, 500)
        }
        #expect(throws: LightningTrouble.silent("HTTP status 500")) { try read("oops", 500) }
    }

    @Test func whatIsAskedForIsDoneOrRefused() throws {
        try LNDAnswer.done("{}", status: 200)
        #expect(throws: LightningTrouble.refused("invoice already settled")) {
            try LNDAnswer.done(#"{"code":2,"message":"invoice already settled","details":[]}"#, status: 500)
        }
        for (body, status) in [("{}", 500), ("", 200), ("null", 200), ("Not Found", 404)] {
            #expect(throws: LightningTrouble.self, "\(body)") { try LNDAnswer.done(body, status: status) }
        }
        let node = #"{"identity_pubkey":"02ab","chains":[],"block_height":812345}"#
        #expect(try LNDAnswer.height(node, status: 200) == 812_345)
        #expect(try LNDAnswer.height(#"{"identity_pubkey":"02","chains":[]}"#, status: 200) == nil)
    }

    @Test func theNetworkMustBeTheConfigured() throws {
        let body = #"{"identity_pubkey":"02ab","chains":[{"chain":"bitcoin","network":"regtest"}]}"#
        #expect(try LNDAnswer.node(body, status: 200, network: "regtest") == "02ab")
        #expect(throws: LightningTrouble.contradiction("the node is on 'regtest', not on 'mainnet'")) {
            try LNDAnswer.node(body, status: 200, network: "bitcoin")
        }
    }

    @Test func aHashInAPathIsBase64ThatAnAddressMayHave() {
        let name = LNDBackend.urlSafe(Digest(bytes: [UInt8](repeating: 0xFB, count: 32)) ?? hash)
        #expect(name.hasPrefix("-_v7-_v7") && name.hasSuffix("=") && name.count == 44)
    }

    private func base64(_ bytes: [UInt8]) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var out = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let part = bytes[start..<min(start + 3, bytes.count)]
            let word = part.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - part.count))
            for place in 0..<4 {
                out.append(place <= part.count ? letters[word >> (18 - 6 * place) & 63] : "=")
            }
        }
        return out
    }
}
