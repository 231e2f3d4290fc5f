// Proves that a relay's messages are read as NIP-01 and NIP-42 spell them, and nothing else is.

import FoundationEssentials
import NodeModel
import Testing

@testable import Nostr

@Suite struct RelayMessageTests {
    private func read(_ text: String) throws(RelayMessageError) -> RelayMessage {
        let bytes = Array(text.utf8)
        var result: Result<RelayMessage, RelayMessageError> = .failure(.malformed)
        bytes.withUnsafeBytes { raw in
            do throws(RelayMessageError) { result = .success(try RelayMessage(raw)) } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }

    @Test func eachLabelIsRead() throws {
        let key = SecretKey.generate()
        let event = try key.sign(
            EventTemplate(pubkey: key.publicKey, createdAt: 1, kind: 1, tags: [["e", "x"]], content: "\"ä\""))
        let json = String(decoding: try JSONEncoder().encode(event), as: UTF8.self)
        #expect(try read(#"["EVENT","a",\#(json)]"#) == .event(subscription: "a", event))
        #expect(
            try read(#"["OK","id",false,"blocked: no"]"#)
                == .verdict(event: "id", accepted: false, words: "blocked: no"))
        #expect(try read(#"["OK","id",true]"#) == .verdict(event: "id", accepted: true, words: ""))
        #expect(try read(#" ["EOSE" , "a"]"#) == .stored(subscription: "a"))
        #expect(
            try read(#"["CLOSED","a","auth-required: who?"]"#)
                == .closed(subscription: "a", words: "auth-required: who?"))
        #expect(try read(#"["NOTICE","slow down"]"#) == .notice("slow down"))
        #expect(try read(#"["AUTH","word"]"#) == .challenge("word"))
        #expect(try read(#"["COUNT","a",{"count":5}]"#) == .unknown("COUNT"))
        // What follows is for later versions.
        #expect(try read(#"["NOTICE","a",{"more":[1]}]"#) == .notice("a"))
    }

    @Test(arguments: [
        "", "{}", "[]", "[1]", #"["EVENT","a"]"#, #"["EVENT","a",{}]"#, #"["OK","id","true"]"#,
        #"["OK",1,true]"#,
        #"["EOSE"]"#, #"["NOTICE",null]"#, #"["AUTH","#, "nonsense", #"["EOSE","a"] x"#,
    ])
    func anythingElseIsRefused(_ text: String) {
        #expect(throws: RelayMessageError.malformed) { try read(text) }
    }

    @Test func whatIsTooLongIsNotRead() {
        let text = #"["NOTICE",""# + String(repeating: "x", count: RelayMessage.longest) + #""]"#
        #expect(throws: RelayMessageError.tooLong(text.utf8.count)) { try read(text) }
    }

    @Test func requestsAreWrittenAsTheNIPHasThem() throws {
        let key = SecretKey.generate()
        func text(_ request: RelayRequest) throws -> String {
            String(decoding: try request.json(), as: UTF8.self)
        }
        #expect(try text(.close("a")) == #"["CLOSE","a"]"#)
        #expect(
            try text(.subscribe("a", kind: 23195, author: key.publicKey, about: "id"))
                == ##"["REQ","a",{"#e":["id"],"authors":["\##(key.publicKey.hex)"],"kinds":[23195]}]"##)
        let event = try key.sign(
            EventTemplate(pubkey: key.publicKey, createdAt: 1, kind: 1, tags: [], content: "a/b"))
        // A relay reads back what it would send.
        let sent = try text(.publish(event)).replacing(#"["EVENT","#, with: #"["EVENT","s","#)
        #expect(try read(sent) == .event(subscription: "s", event))
    }
}
