// Proves the metric: what is near, what is shared, and that neighbours are made where they are wanted.

import DHTCore
import Testing

@Suite struct NodeIDTests {
    @Test func bytesRoundTrip() throws {
        var random = DHTRandom(seed: 1)
        for _ in 0..<100 {
            let id = NodeID.random(using: &random)
            #expect(NodeID(bytes: id.bytes) == id)
        }
        #expect(NodeID(bytes: [UInt8](repeating: 0, count: 19)) == nil)
        #expect(NodeID(bytes: [UInt8](repeating: 0, count: 21)) == nil)
    }

    @Test func distanceIsXor() throws {
        var random = DHTRandom(seed: 2)
        let (one, other) = (NodeID.random(using: &random), NodeID.random(using: &random))
        #expect(one.distance(to: other).bytes == zip(one.bytes, other.bytes).map { $0 ^ $1 })
        #expect(one.distance(to: one).bytes.allSatisfy { $0 == 0 })
        #expect(one.sharedPrefix(with: one) == 160)
    }

    @Test func neighboursShareExactlyTheAskedPrefix() {
        var random = DHTRandom(seed: 3)
        let id = NodeID.random(using: &random)
        for length in 0..<160 {
            let neighbour = id.randomNeighbour(sharing: length, using: &random)
            #expect(id.sharedPrefix(with: neighbour) == length)
        }
    }

    @Test func orderIsThatOfTheBytes() {
        var random = DHTRandom(seed: 4)
        let ids = (0..<50).map { _ in NodeID.random(using: &random) }
        let byBytes = ids.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        #expect(ids.sorted() == byBytes)
    }

    @Test func endpointsAreReadStrictly() throws {
        let endpoint = try #require(Endpoint("127.0.0.2:9201"))
        #expect(endpoint.description == "127.0.0.2:9201")
        #expect(endpoint.isLocal)
        #expect(Endpoint(compact: endpoint.compact) == endpoint)
        for text in [
            "", "127.0.0.1", "127.0.0:1", "256.0.0.1:1", "1.2.3.4:65536", "1.2.3.4:", "a.b.c.d:1", "::1:1",
        ] {
            #expect(Endpoint(text) == nil)
        }
        #expect(try #require(Endpoint("224.0.0.1:5")).isUsable == false)
        #expect(try #require(Endpoint("0.1.2.3:5")).isUsable == false)
        #expect(try #require(Endpoint("9.9.9.9:0")).isUsable == false)
        #expect(try #require(Endpoint("172.31.0.1:5")).isLocal)
        #expect(try #require(Endpoint("172.32.0.1:5")).isLocal == false)
    }
}
