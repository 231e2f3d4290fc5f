// What is written and read by hand is held against Codable, value for value and byte for byte: Codable is what it means.
// It must never leave out a form of request that only Codable knows: those are where a field could be lost.

import FoundationEssentials
import Testing
import Wire

@testable import Interfaces
@testable import NodeModel

struct PlainValuesTests {
    static let seeds: [UInt64] = Array(1...8)

    @Test(
        "written by hand, a value has the bytes that Codable gives it, and is read back whole",
        arguments: seeds)
    func sameAsCodable(seed: UInt64) throws {
        var make = RandomValues(seed: seed)
        for _ in 0..<150 {
            try agrees(make.event())
            try agrees(make.bundle())
            try agrees(make.body())
            try agrees(make.request())
            try agrees(make.record())
            try agrees(AggregatorInterface.Submit(request: make.request(), provider: make.maybe { $0.key() }))
            try agrees(make.submitReply())
            try agrees(make.run())
            try agrees(make.runReply())
            try agrees(LedgerInterface.BookOwn(body: make.body()))
            try agrees(LedgerInterface.BookOwn.Reply(bundle: make.bundle(), repeated: make.bool()))
        }
    }

    @Test("text that was changed is read by hand as by Codable, or refused by both", arguments: seeds)
    func changedText(seed: UInt64) throws {
        var make = RandomValues(seed: seed &+ 100)
        for _ in 0..<60 {
            try holds(make.event(), &make)
            try holds(make.bundle(), &make)
            try holds(make.body(), &make)
            try holds(make.request(), &make)
            try holds(make.record(), &make)
            try holds(
                AggregatorInterface.Submit(request: make.request(), provider: make.maybe { $0.key() }), &make)
            try holds(make.submitReply(), &make)
            try holds(make.run(), &make)
            try holds(make.runReply(), &make)
            try holds(LedgerInterface.BookOwn(body: make.body()), &make)
            try holds(LedgerInterface.BookOwn.Reply(bundle: make.bundle(), repeated: make.bool()), &make)
        }
    }

    @Test(
        "what a request does not have before tools is never lost",
        arguments: [
            #"{"model":"m","conversation":[{"role":"user","content":"x","tool_call_id":"c"}],"sampling":{}}"#,
            #"{"model":"m","messages":[{"role":"user","content":"x"}],"sampling":{},"format":{"object":{}}}"#,
            #"{"model":"m","messages":[{"role":"user","content":"x"}],"sampling":{"logprobs":2}}"#,
            #"{"model":"m","conversation":[{"role":"user","content":"x"}],"sampling":{"logprobs":2}}"#,
            #"{"model":"m","conversation":[{"role":"user","content":"x"}],"sampling":{"logit_bias":{"7":1}}}"#,
            #"{"model":"m","messages":[{"role":"user","content":"x"}],"sampling":{"stop":null}}"#,
            #"{"model":"m","messages":[{"role":"user","content":"x"}],"sampling":{},"later":1}"#,
            #"{"model":"m","model":"n","messages":[],"sampling":{}}"#,
            #"{"model":"m","messages":[],"sampling":{"temperature":-0}}"#,
            #"{"model":"m","messages":[],"sampling":{"temperature":-0.0}}"#,
            #"{"model":"m","messages":[],"sampling":{"temperature":1e-3}}"#,
            #"{"model":"m","messages":[],"sampling":{"seed":1.0}}"#,
            #"{"model":"m","messages":[],"sampling":{"seed":01}}"#,
            #"{"model":"m","messages":[],"sampling":{"max_tokens":9223372036854775808}}"#,
            #"{"mod\u0065l":"m","messages":[],"sampling":{}}"#,
            #"{"model":"\ud800","messages":[],"sampling":{}}"#,
            #" { "model" : "m" , "messages" : [ ] , "sampling" : { } } "#,
            #"{"model":"m","messages":[],"sampling":{}} x"#,
        ])
    func traps(text: String) throws {
        expectSame(InferenceRequest.self, Array(text.utf8))
        expectSame(AggregatorInterface.Submit.self, Array(#"{"request":\#(text)}"#.utf8))
        let payload = #"{"plain":{"_0":\#(text)}}"#
        let job = LedgerInterface.exampleBody.job.text
        expectSame(
            ExecInterface.Run.self,
            Array(#"{"job":"\#(job)","max_tokens":1,"model":"m","payload":\#(payload)}"#.utf8))
    }

    @Test("the hash of a request and the canonical forms are those that Codable gives", arguments: seeds)
    func hashes(seed: UInt64) throws {
        var make = RandomValues(seed: seed &+ 200)
        for _ in 0..<150 {
            let request = make.request()
            #expect(try request.hash() == Digest(hashing: try WireCoding.encoder.encode(request)))
            let (event, body) = (make.event(), make.body())
            // Where Codable finds a number that is too large hangs on the order in which it writes.
            #expect((try? CanonicalJSON.encode(event)) == (try? CanonicalJSON.encodeByCodable(event)))
            #expect((try? CanonicalJSON.encode(body)) == (try? CanonicalJSON.encodeByCodable(body)))
        }
    }

    private func agrees<V: WireValue>(_ value: V) throws {
        let bytes = try value.jsonBytes()
        var codable = JSONWriter()
        try value.writeByCodable(to: &codable)
        #expect(String(decoding: bytes, as: UTF8.self) == String(decoding: codable.bytes, as: UTF8.self))
        #expect(try V.fromJSON(bytes).canonicalText() == value.canonicalText())
        expectSame(V.self, bytes)
    }

    /// Twelve changes of one value's text.
    private func holds<V: WireValue>(_ value: V, _ make: inout RandomValues) throws {
        let bytes = try value.jsonBytes()
        for _ in 0..<12 { expectSame(V.self, make.changed(bytes)) }
    }

    private func expectSame<V: WireValue>(_ type: V.Type, _ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        let byHand = outcome { try V.fromJSON(bytes).canonicalText() }
        let byCodable = outcome { try bytes.withUnsafeBytes { try V.readByCodable($0) }.canonicalText() }
        #expect(byHand == byCodable, "\(V.self) of \(text)")
    }

    private func outcome<T>(_ work: () throws -> T) -> String {
        do { return "\(try work())" } catch { return "refused: \(error)" }
    }
}

extension WireValue {
    /// All that is in a value, as Codable writes it: also what compares as equal and is not, as 0 and -0.
    fileprivate func canonicalText() throws -> String {
        String(decoding: try WireCoding.encoder.encode(self), as: UTF8.self)
    }
}
