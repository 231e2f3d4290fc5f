// Proves that items and ids are Mainline's: the test vectors printed in BEP 44 and BEP 42, to the byte.

import NodeModel
import Testing

@testable import DHTCore

@Suite struct MainlineVectorTests {
    private static let id: NodeID = {
        var random = DHTRandom(seed: 3)
        return NodeID.random(using: &random)
    }()
    private static let value = Array("12:Hello World!".utf8)
    private static let key = "77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548"

    private func bytes(_ hex: String) throws -> [UInt8] { try #require(Hex.decode(hex)) }

    @Test func immutableItem() {
        let item = MainlineItem(value: Self.value)
        #expect(item.target.description == "e5f96f6f38320f0f33959cb4d3d656452117aadb")
        #expect(item.isGenuine)
    }

    @Test(arguments: [
        (
            "", "4a533d47ec9c7d95b1ad75f576cffc641853b750", "3:seqi1e1:v12:Hello World!",
            "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff"
                + "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01"
        ),
        (
            "foobar", "411eba73b6f087ca51a3795d9c8c938d365e32c1", "4:salt6:foobar3:seqi1e1:v12:Hello World!",
            "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d"
                + "df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08"
        ),
    ])
    func mutableItem(_ salt: String, _ target: String, _ text: String, _ signature: String) throws {
        func item(_ sequence: Int64, _ value: [UInt8] = Self.value) throws -> MainlineItem {
            MainlineItem(
                value: value,
                proof: .init(
                    key: try bytes(Self.key), salt: Array(salt.utf8), sequence: sequence,
                    signature: try bytes(signature)))
        }
        #expect(try item(1).target.description == target)
        #expect(
            MainlineItem.signed(value: Self.value, salt: Array(salt.utf8), sequence: 1) == Array(text.utf8))
        #expect(try item(1).isGenuine)
        #expect(try !item(2).isGenuine)
        #expect(try !item(1, Array("12:Hello world!".utf8)).isGenuine)
    }

    @Test(arguments: [
        ("124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"),
        ("21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"),
        ("65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616"),
        ("84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41"),
        ("43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"),
    ])
    func idsFollowFromAddresses(_ address: String, _ hex: String) throws {
        let place = try #require(Endpoint("\(address):6881"))
        let id = try #require(NodeID(bytes: try bytes(hex)))
        #expect(id.isBound(to: place))
        #expect(!id.isBound(to: Endpoint(address: try #require(place.address.v4) ^ 1 << 8, port: 6881)))
        #expect(id.isBound(to: try #require(Endpoint("127.0.0.1:6881"))))
        var random = DHTRandom(seed: 1)
        for salt in [0, 1, 7, 255] as [UInt8] {
            let made = NodeID.bound(to: place.address, salt: salt, using: &random)
            #expect(made.isBound(to: place))
            #expect(made.bytes[19] == salt)
        }
    }

    /// BEP 42 prints no ids of IPv6; these are what its own C code gives, run as Python.
    @Test(
        arguments: [
            ("2001:db8::1", 1, [0x71, 0x89, 0xA8]), ("2001:db8:0:1::1", 86, [0xA0, 0xE3, 0x10]),
            ("2a01:4f8:c17:7a8f::2", 22, [0xED, 0x61, 0x90]),
            ("2606:4700:4700::1111", 65, [0xCE, 0x67, 0xC8]),
        ] as [(String, UInt8, [UInt8])])
    func idsFollowFromAddressesOfIPv6(_ text: String, _ salt: UInt8, _ start: [UInt8]) throws {
        let address = try #require(IPAddress(text))
        var random = DHTRandom(seed: 1)
        let id = NodeID.bound(to: address, salt: salt, using: &random)
        #expect(Array(id.bytes[..<2]) == Array(start[..<2]))
        #expect(id.bytes[2] & 0xF8 == start[2])
        #expect(id.isBound(to: Endpoint(address, port: 1)))
        // Only the /64 counts, and of that not all.
        let neighbour = try #require(IPAddress(v6: address.high, ~address.low))
        #expect(id.isBound(to: Endpoint(neighbour, port: 1)))
        let other = try #require(IPAddress(v6: address.high ^ 1, address.low))
        #expect(!id.isBound(to: Endpoint(other, port: 1)))
        #expect(id.isBound(to: try #require(Endpoint("[::1]:1"))))
    }

    @Test func theChecksumIsCastagnolis() {
        #expect(NodeID.castagnoli(Array("123456789".utf8)) == 0xE306_9283)
    }

    @Test func everyItemMessageSurvivesTheWire() throws {
        let proof = MainlineItem.Proof(
            key: try bytes(Self.key), salt: [1, 2], sequence: 7, signature: Array(repeating: 9, count: 64))
        let sender = Self.id
        let calls: [KRPCQuery.Call] = [
            .get(target: sender, newerThan: nil), .get(target: sender, newerThan: 4),
            .put(MainlineItem(value: Self.value), swap: nil, token: [1]),
            .put(MainlineItem(value: Array("d1:ai1ee".utf8), proof: proof), swap: 6, token: [1]),
            .sampleInfohashes(target: sender),
        ]
        for call in calls {
            let message = KRPCMessage(
                transaction: [1], body: .query(KRPCQuery(sender: sender, call: call)))
            #expect(KRPCDecoder.decode(message.encoded()[...]) == .message(message))
        }
        var reply = KRPCReply(sender: sender, token: [5])
        reply.item = MainlineItem(
            value: Self.value,
            proof: .init(key: proof.key, salt: [], sequence: 7, signature: proof.signature))
        reply.sample = InfohashSample(interval: 300, total: 2, hashes: [sender, sender])
        let message = KRPCMessage(transaction: [1], body: .reply(reply))
        #expect(KRPCDecoder.decode(message.encoded()[...]) == .message(message))
    }
}
