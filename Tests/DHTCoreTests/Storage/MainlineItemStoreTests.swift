// Proves that a node keeps items of BEP 44 by the BEP's rules, and answers with the BEP's numbers.

import Crypto
import DHTCore
import Testing

@Suite struct MainlineItemStoreTests {
    private static let own: NodeID = {
        var random = DHTRandom(seed: 3)
        return NodeID.random(using: &random)
    }()
    private static let author = Curve25519.Signing.PrivateKey()
    private static let source = Endpoint(address: 0x0501_0101, port: 6881)

    private func text(_ text: String) -> [UInt8] { Array("\(text.utf8.count):\(text)".utf8) }

    private func signed(_ sequence: Int64, _ words: String, salt: String = "") throws -> MainlineItem {
        let salt = Array(salt.utf8)
        let message = MainlineItem.signed(value: text(words), salt: salt, sequence: sequence)
        return MainlineItem(
            value: text(words),
            proof: .init(
                key: Array(Self.author.publicKey.rawRepresentation), salt: salt, sequence: sequence,
                signature: Array(try Self.author.signature(for: message))))
    }

    private func put(
        _ item: MainlineItem, _ store: inout MainlineItemStore, swap: Int64? = nil, now: Int64 = 0,
        from source: Endpoint = Self.source
    ) -> KRPCError.Code? {
        do {
            try store.put(item, swap: swap, from: source, own: [Self.own], now: now)
            return nil
        } catch { return error.code }
    }

    @Test func theNewestOfAnAuthorCounts() throws {
        var store = MainlineItemStore()
        #expect(put(try signed(2, "two"), &store) == nil)
        #expect(put(try signed(1, "one"), &store) == .outdated)
        #expect(put(try signed(2, "also two"), &store) == .outdated)
        #expect(put(try signed(3, "three"), &store, swap: 1) == .swapMismatch)
        #expect(put(try signed(3, "three"), &store, swap: 2) == nil)
        #expect(put(try signed(1, "elsewhere", salt: "s"), &store) == nil)
        #expect(store.find(try signed(3, "three").target, now: 1)?.value == text("three"))
        #expect(store.count == 2)
    }

    @Test func sizesAndSignaturesAreHeld() throws {
        var store = MainlineItemStore()
        // 996 characters and "996:" are 1000 bytes.
        #expect(put(MainlineItem(value: text(String(repeating: "a", count: 996))), &store) == nil)
        #expect(put(MainlineItem(value: text(String(repeating: "a", count: 997))), &store) == .tooBig)
        #expect(put(try signed(1, "x", salt: String(repeating: "s", count: 64)), &store) == nil)
        #expect(put(try signed(1, "x", salt: String(repeating: "s", count: 65)), &store) == .saltTooBig)
        let good = try signed(9, "good")
        let forged = MainlineItem(value: text("evil"), proof: good.proof)
        #expect(put(forged, &store) == .badSignature)
        #expect(store.find(good.target, now: 1) == nil)
    }

    @Test func itemsGoAfterTwoHoursUnlessTheyArePutAgain() throws {
        var store = MainlineItemStore()
        let (kept, left) = (try signed(1, "kept", salt: "k"), MainlineItem(value: text("left")))
        #expect(put(kept, &store) == nil)
        #expect(put(left, &store) == nil)
        #expect(put(kept, &store, now: 3_600_000) == nil)
        store.expire(now: 7_200_000)
        #expect(store.find(kept.target, now: 7_200_000) == kept)
        #expect(store.find(left.target, now: 7_200_000) == nil)
    }

    @Test func aFullStoreKeepsWhatIsNear() throws {
        var store = MainlineItemStore()
        for number in 0..<MainlineItemStore.maximum {
            let place = Endpoint(address: 0x0500_0001 + UInt32(number) << 8, port: 6881)
            #expect(put(MainlineItem(value: text("\(number)")), &store, from: place) == nil)
        }
        var taken = 0
        for number in 0..<200 {
            let item = MainlineItem(value: text("more \(number)"))
            let place = Endpoint(address: 0x2500_0001 + UInt32(number) << 8, port: 6881)
            switch put(item, &store, from: place) {
            case nil: taken += 1
            case .server: break
            case let code: Issue.record("\(String(describing: code))")
            }
            #expect(store.count == MainlineItemStore.maximum)
        }
        #expect(taken > 10)
    }

    @Test func oneRangeDoesNotFillTheStore() throws {
        var store = MainlineItemStore()
        for number in 0..<MainlineItemStore.maximumPerGroup {
            #expect(put(MainlineItem(value: text("\(number)")), &store) == nil)
        }
        #expect(put(MainlineItem(value: text("one more")), &store) == .slowDown)
    }
}
