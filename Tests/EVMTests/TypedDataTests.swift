// Proves EIP-712 against its own examples ("Ether Mail"), and EIP-3009 against eth-account.

import NodeModel
import Testing

@testable import EVM

@Suite struct TypedDataTests {
    static let person = TypedStruct(
        "Person", [.init("name", .atom(.string)), .init("wallet", .atom(.address))])
    static let mail = TypedStruct(
        "Mail",
        [
            .init("from", .structure(person)), .init("to", .structure(person)),
            .init("contents", .atom(.string)),
        ])

    private func message() throws -> [ABIValue] {
        [
            .list([.string("Cow"), .address(try EVMAddress("0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"))]),
            .list([.string("Bob"), .address(try EVMAddress("0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"))]),
            .string("Hello, Bob!"),
        ]
    }

    /// assets/eip-712/Example.js.
    @Test func officialExample() throws {
        #expect(
            Self.mail.encodedType
                == "Mail(Person from,Person to,string contents)Person(string name,address wallet)")
        #expect(
            Hex.encode(Keccak256.hash(Self.mail.encodedType.utf8))
                == "a0cedeb2dc280ba39b857546d74f5549c3a1d7bdc2dd96bf881f76108e23dac2")
        #expect(
            Hex.encode(try Self.mail.encodedData(try message()))
                == "a0cedeb2dc280ba39b857546d74f5549c3a1d7bdc2dd96bf881f76108e23dac2"
                + "fc71e5fa27ff56c350aa531bc129ebdf613b772b6604664f5d8dbe21b85eb0c8"
                + "cd54f074a4af31b4411ff6a60c9719dbd559c221c8ac3492d9d872b041d703d1"
                + "b5aadf3154a261abdd9086fc627b61efca26ae5702701d05cd2305f7c52a2fc8")
        let hash = try Self.mail.hash(try message())
        #expect(Hex.encode(hash) == "c52c0ee5d84264471806290a3f2c4cecfc5490626bf912d01f240d7a274b371e")
        let contract = try EVMAddress("0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC")
        // The example's domain has a member that the standard does not name.
        let domain = TypedStruct(
            "EIP712Domain",
            [
                .init("name", .atom(.string)), .init("version", .atom(.string)),
                .init("chainId", .atom(.uint(256))), .init("httpOrigin", .atom(.string)),
                .init("verifyingContract", .atom(.address)),
            ])
        let separator = try domain.hash([
            .string("Ether Mail"), .string("1"), .uint(1), .string("https://ether-mail.eth"),
            .address(contract),
        ])
        let digest = EIP712Domain.digest(separator: separator, message: hash)
        #expect(Hex.encode(digest) == "a5f5fa6b05af38f2e9d2889ac36f5a4ba31e20646781d23739de458d86d6593e")
        let signature = try #require(
            EVMSignature(
                bytes: try bytes(
                    "24040eda35064d96c51f3308b5fae290edae563327348886a366ed604e0c0480"
                        + "42bbabf2fae4b00598596a99d577dde56ff9d013e861f611cfe7b0728e1cd0571b")))
        #expect(signature.signer(of: digest)?.lowercase == "0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826")
    }

    /// The example in the text of EIP-712, whose domain is the standard one.
    @Test func exampleOfTheText() throws {
        let domain = EIP712Domain(
            name: "Ether Mail", version: "1", chainID: 1,
            contract: try EVMAddress("0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"))
        #expect(
            Hex.encode(try domain.separator())
                == "f2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f")
        #expect(
            Hex.encode(try domain.digest(Self.mail, try message()))
                == "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2")
    }

    @Test func agreesWithEthAccountOnAuthorizations() throws {
        let vectors = try Vectors.load()
        #expect(vectors.authorizations.count == 20)
        for vector in vectors.authorizations {
            let domain = EIP712Domain(
                name: vector.domain.name, version: vector.domain.version,
                chainID: try #require(UInt64(vector.domain.chainId)),
                contract: try EVMAddress(vector.domain.verifyingContract))
            #expect(Hex.encode(try domain.separator()) == vector.separator)
            func value(_ name: String) throws -> String { try #require(vector.values[name]) }
            let authorization = TransferAuthorization(
                kind: try #require(TransferAuthorization.Kind(rawValue: vector.kind)),
                from: try EVMAddress(try value("from")), to: try EVMAddress(try value("to")),
                value: try number(try value("value")),
                validAfter: try #require(UInt64(try value("validAfter"))),
                validBefore: try #require(UInt64(try value("validBefore"))),
                nonce: try #require(Digest(hex: try value("nonce"))))
            #expect(Hex.encode(try authorization.digest(domain)) == vector.digest)
            let signature = try #require(EVMSignature(bytes: try bytes(vector.signature)))
            #expect(try authorization.isSigned(by: signature, domain))
            #expect(Hex.encode(try authorization.call(signature)) == vector.call)
            // On another chain, for the other function, or for one unit more it is not signed.
            var other = domain
            other.chainID += 1
            #expect(try !authorization.isSigned(by: signature, other))
            var changed = authorization
            changed.kind = authorization.kind == .transfer ? .receive : .transfer
            #expect(try !changed.isSigned(by: signature, domain))
            changed = authorization
            changed.value = authorization.value.adding(UInt256(1)) ?? .zero
            #expect(try !changed.isSigned(by: signature, domain))
        }
    }

    @Test func arraysAndBytesAreHashed() throws {
        let group = TypedStruct(
            "Group", [.init("members", .array(.structure(Self.person))), .init("note", .atom(.bytes))])
        #expect(group.encodedType == "Group(Person[] members,bytes note)Person(string name,address wallet)")
        let members = [try message()[0], try message()[1]]
        var hashes: [UInt8] = []
        for case .list(let values) in members { hashes += try Self.person.hash(values) }
        #expect(
            try group.encodedData([.list(members), .bytes([1, 2])])
                == Keccak256.hash(group.encodedType.utf8) + Keccak256.hash(hashes) + Keccak256.hash([1, 2]))
    }

    @Test func noncesFollowFromTheOperation() throws {
        let token = try EVMAddress("0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359")
        let nonce = TransferAuthorization.nonce(operation: "pay/1", chainID: 137, token: token)
        #expect(nonce == TransferAuthorization.nonce(operation: "pay/1", chainID: 137, token: token))
        for other in [
            TransferAuthorization.nonce(operation: "pay/2", chainID: 137, token: token),
            TransferAuthorization.nonce(operation: "pay/1", chainID: 80_002, token: token),
            TransferAuthorization.nonce(operation: "pay/1", chainID: 137, token: .zero),
        ] { #expect(other != nonce) }
    }
}
