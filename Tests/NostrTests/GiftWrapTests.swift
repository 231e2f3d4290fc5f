// Proves NIP-59 against the NIP's own example, and that no layer is believed without its signature.

import FoundationEssentials
import NodeModel
import Testing

@testable import Nostr

@Suite struct GiftWrapTests {
    /// The wrap of the NIP's example, as it stands there.
    static let wrap =
        ##"{"content":"AhC3Qj/QsKJFWuf6xroiYip+2yK95qPwJjVvFujhzSguJWb/6TlPpBW0CGFwfufCs2Zyb0JeuLmZhNln"##
        + ##"qecAAalC4ZCugB+I9ViA5pxLyFfQjs1lcE6KdX3euCHBLAnE9GL/+IzdV9vZnfJH6atVjvBkNPNzxU+OLCHO/DAPmzmM"##
        + ##"Vx0SR63frRTCz6Cuth40D+VzluKu1/Fg2Q1LSst65DE7o2efTtZ4Z9j15rQAOZfE9jwMCQZt27rBBK3yVwqVEriFpg2m"##
        + ##"HXc1DDwHhDADO8eiyOTWF1ghDds/DxhMcjkIi/o+FS3gG1dG7gJHu3KkGK5UXpmgyFKt+421m5o++RMD/BylS3iazS1S"##
        + ##"93IzTLeGfMCk+7IKxuSCO06k1+DaasJJe8RE4/rmismUvwrHu/HDutZWkvOAhd4z4khZo7bJLtiCzZCZ74lZcjOB4CYt"##
        + ##"uAX2ZGpc4I1iOKkvwTuQy9BWYpkzGg3ZoSWRD6ty7U+KN+fTTmIS4CelhBTT15QVqD02JxfLF7nA6sg3UlYgtiGw61oH"##
        + ##"68lSbx16P3vwSeQQpEB5JbhofW7t9TLZIbIW/ODnI4hpwj8didtk7IMBI3Ra3uUP7ya6vptkd9TwQkd/7cOFaSJmU+BI"##
        + ##"sLpOXbirJACMn+URoDXhuEtiO6xirNtrPN8jYqpwvMUm5lMMVzGT3kMMVNBqgbj8Ln8VmqouK0DR+gRyNb8fHT0BFPws"##
        + ##"HxDskFk5yhe5c/2VUUoKCGe0kfCcX/EsHbJLUUtlHXmTqaOJpmQnW1tZ/siPwKRl6oEsIJWTUYxPQmrM2fUpYZCuAo/2"##
        + ##"9lTLHiHMlTbarFOd6J/ybIbICy2gRRH/LFSryty3Cnf6aae+A9uizFBUdCwTwffc3vCBae802+R92OL78bbqHKPbSZOX"##
        + ##"NC+6ybqziezwG+OPWHx1Qk39RYaF0aFsM4uZWrFic97WwVrH5i+/Nsf/OtwWiuH0gV/SqvN1hnkxCTF/+XNn/laWKmS3"##
        + ##"e7wFzBsG8+qwqwmO9aVbDVMhOmeUXRMkxcj4QreQkHxLkCx97euZpC7xhvYnCHarHTDeD6nVK+xzbPNtzeGzNpYoiMqx"##
        + ##"Z9bBJwMaHnEoI944Vxoodf51cMIIwpTmmRvAzI1QgrfnOLOUS7uUjQ/IZ1Qa3lY08Nqm9MAGxZ2Ou6R0/Z5z30ha/Q71"##
        + ##"q6meAs3uHQcpSuRaQeV29IASmye2A2Nif+lmbhV7w8hjFYoaLCRsdchiVyNjOEM4VmxUhX4VEvw6KoCAZ/XvO2eBF/Sy"##
        + ##"NU3Of4SO","created_at":1703021488,"id":"5c005f3ccf01950aa8d131203248544fb1e41a0d698e846bd419"##
        + ##"cec3890903ac","kind":1059,"pubkey":"18b1a75918f1f2c90c23da616bce317d36e348bcf5f7ba55e7594931"##
        + ##"9210c87c","sig":"35fabdae4634eb630880a1896a886e40fd6ea8a60958e30b89b33a93e6235df750097b04f9e"##
        + ##"13053764251b8bc5dd7e8e0794a3426a90b6bcc7e5ff660f54259","tags":[["p","166bf3765ebd1fc55decfe3"##
        + ##"95beff2ea3b2a4e0a8946e7eb578512b555737c99"]]}"##

    private func key(_ hex: String) throws -> SecretKey {
        try #require(SecretKey(bytes: Hex.decode(hex) ?? []))
    }

    @Test func theExampleUnwraps() throws {
        let wrap = try JSONDecoder().decode(SignedEvent.self, from: Data(Self.wrap.utf8))
        let recipient = try key("e108399bd8424357a710b606ae0c13166d853d327e47a6e5e038197346bdbf45")
        let rumor = try GiftWrap.unwrap(wrap, recipient: recipient)
        #expect(rumor.content == "Are you going to the party tonight?" && rumor.kind == 1)
        #expect(rumor.pubkey.hex == "611df01bfcf85c26ae65453b772d8f1dfd25c264621c0277e1fc1518686faef9")
        #expect(
            Hex.encode(rumor.computedID())
                == "9dd003c6d3b73b74a85a9ab099469ce251653a7af76f523671ab828acd2a0ef9")
        #expect(throws: GiftWrapError.encryption(.notAuthentic)) {
            try GiftWrap.unwrap(wrap, recipient: .generate())
        }
    }

    static let now: Int64 = 1_790_000_000

    @Test(arguments: [true, false])
    func whatIsWrappedUnwraps(_ lasting: Bool) throws {
        let (sender, recipient) = (SecretKey.generate(), SecretKey.generate())
        let rumor = EventTemplate(
            pubkey: sender.publicKey, createdAt: Self.now, kind: 7, tags: [["a", "ä"]], content: "\"hello\"")
        let wrap = try GiftWrap.wrap(
            rumor, sender: sender, recipient: recipient.publicKey, now: Self.now, lasting: lasting)
        #expect(wrap.kind == (lasting ? 1059 : 21059) && wrap.onlyTag("p") == recipient.publicKey.hex)
        #expect(wrap.pubkey != sender.publicKey)
        #expect((Self.now - GiftWrap.blur...Self.now).contains(wrap.createdAt))
        #expect(try GiftWrap.unwrap(wrap, recipient: recipient) == rumor)
        #expect(throws: SigningError.otherAuthor(sender.publicKey)) {
            try GiftWrap.wrap(rumor, sender: recipient, recipient: sender.publicKey, now: Self.now)
        }
    }

    /// A wrap by a stranger around what a test chooses.
    private func wrapped(_ content: String, for recipient: SecretKey) throws -> SignedEvent {
        let once = SecretKey.generate()
        return try once.sign(
            EventTemplate(
                pubkey: once.publicKey, createdAt: Self.now, kind: 1059,
                content: try NIP44.encrypt(content, NIP44.ConversationKey(once, with: recipient.publicKey))))
    }

    private func seal(
        _ content: String, by sender: SecretKey, for recipient: SecretKey, tags: [[String]] = []
    )
        throws -> SignedEvent
    {
        try sender.sign(
            EventTemplate(
                pubkey: sender.publicKey, createdAt: Self.now, kind: 13, tags: tags,
                content: try NIP44.encrypt(content, NIP44.ConversationKey(sender, with: recipient.publicKey)))
        )
    }

    private func json(_ event: SignedEvent) throws -> String {
        String(decoding: try JSONEncoder().encode(event), as: UTF8.self)
    }

    @Test func noLayerIsBelieved() throws {
        let (sender, recipient) = (SecretKey.generate(), SecretKey.generate())
        let victim = SecretKey.generate()
        func unwrap(_ seal: SignedEvent) throws -> EventTemplate {
            try GiftWrap.unwrap(try wrapped(try json(seal), for: recipient), recipient: recipient)
        }
        let signed = try victim.sign(
            EventTemplate(pubkey: victim.publicKey, createdAt: Self.now, kind: 1, content: "pay"))
        // A rumor that is signed; one by another author than the seal's; one with another id; a seal with tags.
        let signedRumor = try seal(try json(signed), by: sender, for: recipient)
        #expect(throws: GiftWrapError.signedRumor) { try unwrap(signedRumor) }
        let unsigned = try json(signed).replacing(/,?"sig":"[0-9a-f]*"/, with: "").replacing("{,", with: "{")
        let stolen = try seal(unsigned, by: sender, for: recipient)
        #expect(throws: GiftWrapError.otherAuthor) { try unwrap(stolen) }
        let changed = try seal(unsigned.replacing("pay", with: "owe"), by: victim, for: recipient)
        #expect(throws: GiftWrapError.wrongID) { try unwrap(changed) }
        let tagged = try seal(unsigned, by: victim, for: recipient, tags: [["p", "x"]])
        #expect(throws: GiftWrapError.notASeal) { try unwrap(tagged) }
        #expect(throws: GiftWrapError.notASeal) { try unwrap(signed) }
        let good = try seal(unsigned, by: victim, for: recipient)
        #expect(try unwrap(good) == signed.template)
        let forged = SignedEvent(good.template, signature: [UInt8](repeating: 1, count: 64))
        #expect(throws: GiftWrapError.event(.wrongSignature)) { try unwrap(forged) }
        let wrap = try wrapped("{}", for: recipient)
        #expect(throws: GiftWrapError.notAnEvent) { try GiftWrap.unwrap(wrap, recipient: recipient) }
        let unsignedWrap = SignedEvent(wrap.template, signature: [UInt8](repeating: 1, count: 64))
        #expect(throws: GiftWrapError.event(.wrongSignature)) {
            try GiftWrap.unwrap(unsignedWrap, recipient: recipient)
        }
        #expect(throws: GiftWrapError.wrongKind(1)) { try GiftWrap.unwrap(signed, recipient: recipient) }
    }
}
