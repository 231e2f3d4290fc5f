// Proves transactions against EIP-155's example and eth-account: bytes, hashes, senders, and one spelling only.

import NodeModel
import Testing

@testable import EVM

@Suite struct EVMTransactionTests {
    /// The example of EIP-155.
    @Test func officialExample() throws {
        let to = try EVMAddress("0x3535353535353535353535353535353535353535")
        let transaction = try #require(
            LegacyTransaction(
                chainID: 1, nonce: 9, gasPrice: UInt256(20_000_000_000), gasLimit: 21_000, to: to,
                value: UInt256(1_000_000_000_000_000_000)))
        #expect(
            Hex.encode(transaction.signingBytes)
                == "ec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080"
        )
        #expect(
            Hex.encode(transaction.signingHash)
                == "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53")
        let raw = try bytes(
            "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef6134"
                + "0bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9"
                + "f3dc64214b297fb1966a3b6d83")
        let signed = try SignedEVMTransaction(raw: raw)
        #expect(signed.transaction == .legacy(transaction))
        #expect(signed.transaction.encoded(signed.signature) == raw)
        #expect(signed.sender.checksummed == (try Vectors.load().account))
        let r = try number("18515461264373351373200002665853028612451056578545711640558177340181847433846")
        let s = try number("46948507304638947509940763649030358759909902576025900602547168820602576006531")
        #expect(signed.signature.r == r.bytes && signed.signature.s == s.bytes)
    }

    private func transaction(_ fields: Vectors.Transaction.Fields) throws -> EVMTransaction {
        let chainID = try #require(UInt64(fields.chainId))
        let (nonce, gas) = (try #require(UInt64(fields.nonce)), try #require(UInt64(fields.gas)))
        let to = try fields.to.map { try EVMAddress($0) }
        let (value, data) = (try number(fields.value), try bytes(fields.data))
        if let price = fields.gasPrice {
            return .legacy(
                try #require(
                    LegacyTransaction(
                        chainID: chainID, nonce: nonce, gasPrice: try number(price), gasLimit: gas, to: to,
                        value: value, data: data)))
        }
        let accessList = try (fields.accessList ?? []).map { access in
            FeeMarketTransaction.Access(
                address: try EVMAddress(access.address),
                keys: try access.storageKeys.map { try #require(UInt256(bytes: try bytes($0))) })
        }
        return .feeMarket(
            try #require(
                FeeMarketTransaction(
                    chainID: chainID, nonce: nonce,
                    maxPriorityFee: try number(fields.maxPriorityFeePerGas ?? ""),
                    maxFee: try number(fields.maxFeePerGas ?? ""), gasLimit: gas, to: to, value: value,
                    data: data, accessList: accessList)))
    }

    @Test func agreesWithEthAccount() throws {
        let vectors = try Vectors.load()
        #expect(vectors.transactions.count == 24)
        for vector in vectors.transactions {
            let raw = try bytes(vector.raw)
            let signed = try SignedEVMTransaction(raw: raw)
            let expected = try transaction(vector.fields)
            #expect(signed.transaction == expected)
            #expect(expected.encoded(signed.signature) == raw)
            #expect(signed.sender.checksummed == vectors.account)
            #expect(Hex.encode(EVMTransaction.hash(raw: raw)) == vector.hash.replacing("0x", with: ""))
        }
    }

    /// Any one byte changed is refused, or is another transaction by another account.
    @Test func changedBytesAreNotTheSame() throws {
        let vectors = try Vectors.load()
        for vector in vectors.transactions.prefix(4) {
            let raw = try bytes(vector.raw)
            for index in raw.indices {
                var wrong = raw
                wrong[index] ^= 1
                guard let signed = try? SignedEVMTransaction(raw: wrong) else { continue }
                #expect(signed.sender.checksummed != vectors.account, "byte \(index)")
            }
        }
    }

    @Test func aHighSIsRefused() throws {
        let raw = try bytes(try Vectors.load().transactions[0].raw)
        let signature = try SignedEVMTransaction(raw: raw).signature
        let order = try number(
            "115792089237316195423570985008687907852837564279074904382605163141518161494337")
        let low = try #require(UInt256(bytes: signature.s))
        let high = try #require(order.subtracting(low))
        #expect(EVMSignature(bytes: signature.r + high.bytes + [28 - signature.parity]) == nil)
        #expect(EVMSignature(bytes: signature.bytes) == signature)
        #expect(EVMSignature(bytes: signature.r + signature.s + [2]) == nil)
        #expect(EVMSignature(bytes: [UInt8](repeating: 0, count: 65)) == nil)
    }

    @Test func unboundTransactionsAreRefused() throws {
        // v = 27: signed before EIP-155, good on every chain.
        let zero = RLP.number(UInt64(0))
        let old = RLP.list([
            zero, zero, zero, .bytes([]), zero, .bytes([]), .number(27), .number(1), .number(1),
        ])
        #expect(throws: EVMTransactionError.unsupported) { try SignedEVMTransaction(raw: old.encoded) }
        #expect(throws: EVMTransactionError.unsupported) { try SignedEVMTransaction(raw: [1, 0xC0]) }
        #expect(throws: EVMTransactionError.unsupported) { try SignedEVMTransaction(raw: []) }
        #expect(LegacyTransaction(chainID: 0, nonce: 0, gasPrice: .zero, gasLimit: 0, to: nil) == nil)
        #expect(
            FeeMarketTransaction(
                chainID: 1, nonce: 0, maxPriorityFee: UInt256(2), maxFee: UInt256(1), gasLimit: 0, to: nil)
                == nil)
    }

    @Test func whatItCanCostIsKnown() throws {
        let transaction = try #require(
            FeeMarketTransaction(
                chainID: 137, nonce: 0, maxPriorityFee: .zero, maxFee: UInt256(3), gasLimit: 100, to: nil,
                value: UInt256(7)))
        #expect(transaction.highestCost == UInt256(307))
        var absurd = transaction
        absurd.maxFee = .max
        #expect(absurd.highestCost == nil)
    }
}
