// Proves signature checking against every BIP-340 vector, and that no wrong length is read out of bounds.

import NodeModel
import Testing

@Suite struct SchnorrTests {
    @Test(arguments: bip340Vectors.split(separator: "\n").dropFirst().map(String.init))
    func officialVector(_ line: String) throws {
        let fields = line.split(separator: ",", omittingEmptySubsequences: false).map { $0.lowercased() }
        let key = try #require(Hex.decode(fields[2], count: 32))
        let message = try #require(Hex.decode(fields[4]))
        let signature = try #require(Hex.decode(fields[5], count: 64))
        let valid = Schnorr.verify(signature: signature, message: message, publicKey: key)
        #expect(valid == (fields[6] == "true"), "vector \(fields[0]): \(fields[7])")
    }

    @Test func allVectorsAreThere() {
        #expect(bip340Vectors.split(separator: "\n").count == 20)
    }

    @Test(arguments: [0, 1, 31, 33, 63, 65])
    func wrongLengthsAreFalse(_ length: Int) {
        let bytes = [UInt8](repeating: 1, count: length)
        let right = [UInt8](repeating: 1, count: 32)
        #expect(!Schnorr.verify(signature: bytes, message: [], publicKey: right))
        #expect(!Schnorr.verify(signature: right + right, message: [], publicKey: bytes))
        #expect(!Schnorr.isValidPublicKey(bytes))
    }
}
