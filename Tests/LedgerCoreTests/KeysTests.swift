// Proves derived keys and payment signatures against Python's software, and the backup of a key by its passphrase.

import EVM
import NodeModel
import Nostr
import Testing
import Wire

@testable import LedgerCore

@Suite struct KeysTests {
    private func key(_ hex: String) throws -> SecretKey {
        try #require(SecretKey(bytes: Hex.decode(hex) ?? []))
    }

    /// Made with Python's hmac (HKDF by hand, RFC 5869) and eth-account 0.13.7.
    @Test(arguments: [
        (
            "4646464646464646464646464646464646464646464646464646464646464646", UInt32(0),
            "ca567eaf9e552abd7e63b554719e8cf58b7ca4c5f66b5006ae3f8b3b60adf23d",
            "0xAfCe6214969C195CA13A894dEc06De87bb6e4D7C"
        ),
        (
            "4646464646464646464646464646464646464646464646464646464646464646", UInt32(1),
            "194731344416fe3709505270f5edd972ab5e1c9d7e0710ad590453a5921982ff",
            "0x2Df1Bf2E32a240618F435914778E3a1d099dd53C"
        ),
        (
            "67dea2ed018072d675f5415ecfaed7d2597555e202d85b3d65ea4e58d2d92ffa", UInt32(0),
            "bad107efd8c6e8e75c0893809d19737ac4857073aafce6787bbf89246c66942a",
            "0x1c3b62d24F2b3F50EF19176B1b08c523Ea05Ac2f"
        ),
        (
            "67dea2ed018072d675f5415ecfaed7d2597555e202d85b3d65ea4e58d2d92ffa", UInt32(1),
            "7b263e2f6e4de82fbe6aa497efc18df501be4ae2f889e22ef9f88cd2338a424a",
            "0xEe247a52928485283D3726fA442000e472fd06a3"
        ),
    ])
    func derivedKeysAreAsDocumented(
        _ secret: String, _ account: UInt32, _ expected: String, _ address: String
    ) throws {
        let derived = try key(secret).derived(.evm(account))
        #expect(derived.withBytes { Hex.encode($0) } == expected)
        #expect(try #require(PaymentSigner(derived)).address.checksummed == address)
    }

    private var official: PaymentSigner? {
        SecretKey(bytes: [UInt8](repeating: 0x46, count: 32)).flatMap { PaymentSigner($0) }
    }

    /// The example of EIP-155, to the byte: nonces are those of RFC 6979.
    @Test func eip155ExampleIsSignedToTheByte() throws {
        let signer = try #require(official)
        let transaction = LegacyTransaction(
            chainID: 1, nonce: 9, gasPrice: UInt256(20_000_000_000), gasLimit: 21_000,
            to: try EVMAddress("0x3535353535353535353535353535353535353535"),
            value: UInt256(1_000_000_000_000_000_000))
        let raw = try signer.sign(.legacy(try #require(transaction)))
        #expect(
            Hex.encode(raw)
                == "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61"
                + "340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555"
                + "c9f3dc64214b297fb1966a3b6d83")
        #expect(try SignedEVMTransaction(raw: raw).sender == signer.address)
    }

    @Test func authorizationsAreSignedForTheirPayerOnly() throws {
        let signer = try #require(official)
        let token = try EVMAddress("0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359")
        let domain = EIP712Domain(name: "USD Coin", version: "2", chainID: 137, contract: token)
        var authorization = TransferAuthorization(
            from: signer.address, to: token, value: UInt256(5), validBefore: 1_790_003_600,
            nonce: TransferAuthorization.nonce(operation: "pay/1", chainID: 137, token: token))
        let signature = try signer.sign(authorization, domain)
        #expect(try authorization.isSigned(by: signature, domain))
        #expect(try signer.sign(authorization, domain) == signature)
        authorization.from = token
        #expect(throws: SigningError.failed) { try signer.sign(authorization, domain) }
    }

    /// NIP-49's own example, passphrase and all.
    @Test func theExampleOfNIP49Opens() throws {
        let text =
            "ncryptsec1qgg9947rlpvqu76pj5ecreduf9jxhselq2nae2kghhvd5g7dgjtcxfqtd67p9m0w57lspw8gsq6yphnm8623nsl8xn9j4"
            + "jdzz84zm3frztj3z7s35vpzmqf6ksu8r89qk5z2zxfmu5gv8th8wclt0h4p"
        let opened = try Passphrase.open(text, "nostr")
        #expect(
            opened.withBytes { Hex.encode($0) }
                == "3501454135014541350145413501453fefb02227e449e57cf4d3a3ce05378683")
        let error = #expect(throws: WireError.self) { try Passphrase.open(text, "Nostr") }
        #expect(error?.code == .verificationFailed)
        let mistyped = #expect(throws: WireError.self) { try Passphrase.open(text + "q", "nostr") }
        #expect(mistyped?.code == .invalidParams)
    }

    @Test func aBackupOpensWithItsPassphraseOnly() throws {
        let key = SecretKey.generate()
        let text = try Passphrase.seal(key, "correct horse", handling: .insecure).text
        #expect(try Passphrase.open(text, "correct horse").publicKey == key.publicKey)
        #expect(throws: WireError.self) { try Passphrase.open(text, "correct horse ") }
        let short = #expect(throws: WireError.self) {
            try Passphrase.seal(key, "1234567", handling: .insecure)
        }
        #expect(short?.code == .invalidParams)
    }

    /// A text that asks for a gigabyte is refused before it gets any.
    @Test(arguments: [UInt8(0), 9, 18, 20, 63, 255])
    func costsBeyondTheMemoryAreRefused(_ logN: UInt8) throws {
        let good = try Passphrase.seal(.generate(), "correct horse", handling: .insecure).text
        var bytes = try Bech32.decode(good).bytes
        bytes[1] = logN
        let error = #expect(throws: WireError.self) {
            try Passphrase.open(Bech32.encode(prefix: "ncryptsec", bytes: bytes), "correct horse")
        }
        #expect(error?.code == .invalidParams && error?.message.contains("2^\(logN)") == true)
    }
}
