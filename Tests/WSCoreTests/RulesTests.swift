// Proves the small rules: who may ask (Host, Origin), which path is which, how fast, and what can be dialled.

import NIOHTTP1
import Testing
import Wire

@testable import WSCore

@Suite struct RulesTests {
    @Test(arguments: [
        ("localhost", true), ("localhost:8080", true), ("LocalHost", true), ("127.0.0.1:8080", true),
        ("[::1]:8080", true),
        ("10.1.2.3", true), ("node.example", true), ("evil.example", false),
        ("localhost.evil.example", false),
        ("127.0.0.1.evil.example", false), ("", false), ("localhost:0", false), ("localhost:x", false),
        ("[::1", false), ("1.2.3", false), ("1.2.3.256", false), ("1.2.3.+4", false), ("a@localhost", false),
    ])
    func hosts(_ host: String, _ allowed: Bool) {
        #expect(HostRule(names: ["Node.Example"]).allows(host: host) == allowed)
    }

    @Test(arguments: [
        ("http://localhost:3000", true), ("http://127.0.0.1", true), ("https://[::1]:1", true),
        ("null", false),
        ("https://evil.example", false), ("http://10.1.2.3", false), ("file://localhost", false),
    ])
    func origins(_ origin: String, _ allowed: Bool) {
        #expect(HostRule().allows(origin: origin) == allowed)
    }

    @Test func headsAreChecked() throws {
        func status(_ method: HTTPMethod, _ uri: String, _ headers: [(String, String)]) -> Int {
            let head = HTTPRequestHead(
                version: .http1_1, method: method, uri: uri, headers: HTTPHeaders(headers))
            do throws(APIError) {
                _ = try RequestRules.check(head, hosts: HostRule())
                return 200
            } catch { return error.status }
        }
        let host = ("host", "localhost")
        let json = ("content-type", "application/json")
        #expect(status(.GET, "/healthz", [host]) == 200)
        #expect(status(.GET, "/healthz", []) == 400)
        #expect(status(.GET, "/healthz", [host, host]) == 400)
        #expect(status(.GET, "/healthz", [("host", "rebound.example")]) == 403)
        #expect(status(.POST, "/v1/chat/completions", [host, json]) == 200)
        #expect(
            status(
                .POST, "/v1/chat/completions", [host, ("content-type", "Application/JSON; charset=utf-8")])
                == 200)
        #expect(status(.POST, "/v1/chat/completions", [host, ("content-type", "text/plain")]) == 415)
        #expect(status(.POST, "/v1/chat/completions", [host]) == 415)
        #expect(
            status(.POST, "/v1/chat/completions", [host, json, ("origin", "https://evil.example")]) == 403)
        #expect(status(.GET, "/v1/chat/completions", [host]) == 405)
        #expect(status(.OPTIONS, "/v1/chat/completions", [host]) == 405)
        #expect(status(.DELETE, "/v1/models/x", [host]) == 405)
        #expect(status(.GET, "/v1/embeddings", [host]) == 404)
        #expect(status(.GET, "/", [host]) == 404)
    }

    @Test func pathsAreFoundExactly() throws {
        #expect(try Route.find(method: "GET", uri: "/v1/models?x=1") == .models)
        #expect(try Route.find(method: "GET", uri: "/v1/models/a%20b%2Fc") == .model("a b/c"))
        #expect(try Route.find(method: "HEAD", uri: "/metrics") == .metrics)
        for uri in [
            "/v1/models/", "/v1/models/%ff", "/v1/models/%2", "/v1/modelsx", "//healthz", "/healthz/",
        ] {
            #expect(throws: APIError.self) { try Route.find(method: "GET", uri: uri) }
        }
    }

    @Test func bucketGivesItsBurstThenItsRate() {
        var bucket = TokenBucket(rate: 10, burst: 3, now: 0)
        let outcome1 = bucket.take(now: 0)
        #expect(outcome1 == nil)
        let outcome2 = bucket.take(now: 0)
        #expect(outcome2 == nil)
        let outcome3 = bucket.take(now: 0)
        #expect(outcome3 == nil)
        let outcome4 = bucket.take(now: 0)
        #expect(outcome4 == 100)
        let outcome5 = bucket.take(now: 50_000_000)
        #expect(outcome5 == 50)
        let outcome6 = bucket.take(now: 100_000_000)
        #expect(outcome6 == nil)
        // A clock that went back gives nothing.
        let outcome7 = bucket.take(now: 1)
        #expect(outcome7 != nil)
        // An hour of silence is one burst, not an hour's worth.
        let burst = (0..<3).map { _ in bucket.take(now: 3_600_000_000_000) }
        #expect(burst == [nil, nil, nil])
        let outcome8 = bucket.take(now: 3_600_000_000_000)
        #expect(outcome8 != nil)
        var off = TokenBucket(rate: 0, burst: 1, now: 0)
        let unlimited = (0..<1_000).allSatisfy { _ in off.take(now: 0) == nil }
        #expect(unlimited)
    }

    @Test func addressesAreLimitedEachAndTogether() {
        var limiter = AddressLimiter(perMinute: 2)
        let outcome9 = limiter.admits("a", now: 0)
        #expect(outcome9)
        let outcome10 = limiter.admits("a", now: 0)
        #expect(outcome10)
        let outcome11 = limiter.admits("a", now: 0)
        #expect(!outcome11)
        let outcome12 = limiter.admits("b", now: 0)
        #expect(outcome12)
        let outcome13 = limiter.admits("a", now: 31_000_000_000)
        #expect(outcome13)
        // A flood of addresses is refused rather than remembered; old ones are forgotten.
        for i in 0..<AddressLimiter.maximumAddresses { _ = limiter.admits("x\(i)", now: 31_000_000_000) }
        let outcome14 = limiter.admits("new", now: 31_000_000_000)
        #expect(!outcome14)
        let outcome15 = limiter.admits("new", now: 200_000_000_000)
        #expect(outcome15)
    }

    @Test(arguments: [
        ("ws://127.0.0.3:9103/peer", true), ("ws://[::1]:9103/peer", true),
        ("ws://node.example:9103/peer", false),
        ("wss://127.0.0.3:9103/peer", false), ("ws://127.0.0.3/peer", false), ("ws://127.0.0.3:9103/", false),
        ("ws://127.0.0.3:0/peer", false), ("ws://127.0.0.3:70000/peer", false), ("", false),
        ("ws://user@127.0.0.3:9103/peer", false), ("ws://127.0.0.3:9103/peer/peer", false),
        ("ws://localhost:1/peer", false), ("http://127.0.0.1:1/peer", false),
    ])
    func endpoints(_ text: String, _ dialled: Bool) {
        #expect(((try? PeerEndpoint(text)) != nil) == dialled)
    }
}
