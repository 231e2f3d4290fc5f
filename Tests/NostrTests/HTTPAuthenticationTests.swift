// Proves that a signed request counts for one URL, one method, one body and one minute.

import NodeModel
import Nostr
import Testing

@Suite struct HTTPAuthenticationTests {
    let key = SecretKey.generate()
    let now: Int64 = 1_790_000_000
    let request = HTTPAuthentication(
        url: "https://node.example/v1/chat/completions?x=1", method: "POST", body: Array("{}".utf8))

    @Test func theHeaderSurvives() throws {
        let event = try key.sign(request.template(author: key.publicKey, now: now))
        let header = try HTTPAuthentication.header(event)
        #expect(try HTTPAuthentication.event(header: header) == event)
        #expect(try request.check(event, now: now) == key.publicKey)
    }

    @Test func anotherRequestIsRefused() throws {
        let event = try key.sign(request.template(author: key.publicKey, now: now))
        var url = request
        url.url += "&y=2"
        var method = request
        method.method = "PUT"
        var body = request
        body.body = Array("{ }".utf8)
        var empty = request
        empty.body = []
        #expect(throws: HTTPAuthenticationError.wrongTag("u")) { try url.check(event, now: now) }
        #expect(throws: HTTPAuthenticationError.wrongTag("method")) { try method.check(event, now: now) }
        #expect(throws: HTTPAuthenticationError.wrongTag("payload")) { try body.check(event, now: now) }
        #expect(throws: HTTPAuthenticationError.wrongTag("payload")) { try empty.check(event, now: now) }
        #expect(throws: HTTPAuthenticationError.notFresh(seconds: -61)) {
            try request.check(event, now: now + 61)
        }
    }

    @Test func aBodyMustBeHashed() throws {
        var template = request.template(author: key.publicKey, now: now)
        template.tags.removeLast()
        let event = try key.sign(template)
        #expect(throws: HTTPAuthenticationError.wrongTag("payload")) { try request.check(event, now: now) }
        var empty = request
        empty.body = []
        #expect(try empty.check(event, now: now) == key.publicKey)
    }

    @Test func repeatedTagsAreRefused() throws {
        var template = request.template(author: key.publicKey, now: now)
        template.tags.append(["u", request.url])
        let event = try key.sign(template)
        #expect(throws: HTTPAuthenticationError.wrongTag("u")) { try request.check(event, now: now) }
    }

    @Test(arguments: ["", "Nostr", "Nostr ", "Nostr !!!", "Bearer e30=", "Nostr e30=", "nostr e30="])
    func malformedHeadersAreRefused(_ header: String) {
        #expect(throws: HTTPAuthenticationError.malformedHeader) {
            try HTTPAuthentication.event(header: header)
        }
    }
}
