// Proves that nobody can fill what is kept of BEP 5, nor drive others out of it, from one address or one range.

import DHTCore
import Testing

@Suite struct PeerStoreTests {
    private static func hash(_ number: UInt64) -> NodeID {
        var random = DHTRandom(seed: number)
        return NodeID.random(using: &random)
    }

    private static func endpoint(_ range: UInt32, _ host: UInt32, port: UInt16 = 6881) -> Endpoint {
        Endpoint(address: 0x0500_0000 | range << 8 | host, port: port)
    }

    @Test func oneAddressHasFewPortsUnderAHash() {
        var store = PeerStore()
        let hash = Self.hash(1)
        let honest = Self.endpoint(1, 1)
        let joined = store.announce(honest, under: hash, now: 0)
        #expect(joined)
        let taken = (0..<200).count {
            store.announce(Self.endpoint(2, 1, port: 1000 + $0), under: hash, now: 1)
        }
        #expect(taken == PeerStore.maximumPorts)
        #expect(store.find(hash, limit: 200, now: 2).contains(honest))
        let again = store.announce(Self.endpoint(2, 1, port: 1000), under: hash, now: 2)
        #expect(again, "who is there may renew")
    }

    @Test func oneRangeHasSoManyUnderAHashAndInAll() {
        var store = PeerStore()
        let hash = Self.hash(1)
        let under = (0..<100).count { store.announce(Self.endpoint(2, $0), under: hash, now: 0) }
        #expect(under == 8)
        let all = (2..<3_000).count { store.announce(Self.endpoint(2, 7), under: Self.hash($0), now: 0) }
        #expect(under + all == PeerStore.maximumPerRange)
        let other = store.announce(Self.endpoint(3, 1), under: Self.hash(9_999), now: 0)
        #expect(other, "there is room for others")
        // What has expired gives its place back.
        store.expire(now: PeerStore.lifetime)
        let later = store.announce(Self.endpoint(2, 7), under: hash, now: PeerStore.lifetime)
        #expect(later && store.count == 1)
    }

    @Test func addressesThatNoStrangerCanHaveAreNotLimited() {
        var store = PeerStore()
        let hash = Self.hash(1)
        let taken = (0..<50).count {
            store.announce(Endpoint(address: 0x7F00_0001, port: 1000 + $0), under: hash, now: 0)
        }
        #expect(taken == 50)
    }
}
