// A node's answers to JSON-RPC questions, read strictly: numbers, hashes, blocks, receipts, logs.
// It must never take a number in a spelling that the standard does not have, nor an answer to another question.

import EVM
import NodeModel
import Wire

/// `0x` and a number without leading zeros.
struct ChainNumber: Codable, Hashable, Sendable {
    let value: UInt256
    init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let value = UInt256(quantity: text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "is no quantity"))
        }
        self.value = value
    }
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        let digits = Hex.encode(value.minimalBytes).drop { $0 == "0" }
        try container.encode("0x" + (digits.isEmpty ? "0" : digits))
    }
}

/// `0x` and bytes.
struct ChainBytes: Codable, Hashable, Sendable {
    let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }
    init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard text.hasPrefix("0x"), let bytes = Hex.decode(text.dropFirst(2).lowercased()) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "is no hexadecimal"))
        }
        self.bytes = bytes
    }
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode("0x" + Hex.encode(bytes))
    }
}

struct ChainBlock: Codable, Hashable, Sendable {
    var number: ChainNumber
    var hash: ChainBytes
    var timestamp: ChainNumber
    var baseFeePerGas: ChainNumber?
}

struct ChainLog: Codable, Hashable, Sendable {
    var address: ChainBytes
    var topics: [ChainBytes]
    var data: ChainBytes
    var blockNumber: ChainNumber
    var transactionHash: ChainBytes
    var logIndex: ChainNumber
    var removed: Bool?

    /// Whether this is `token`'s event with these indexed values.
    func isEvent(_ event: [UInt8], of token: EVMAddress, _ indexed: [[UInt8]]) -> Bool {
        removed != true && address.bytes == token.bytes && topics.map(\.bytes) == [event] + indexed
    }
}

struct ChainReceipt: Codable, Hashable, Sendable {
    var transactionHash: ChainBytes
    var blockHash: ChainBytes
    var blockNumber: ChainNumber
    var status: ChainNumber
    var logs: [ChainLog]

    /// Whether its logs show that exactly this authorization moved exactly this amount.
    func pays(_ authorization: TransferAuthorization, token: EVMAddress) -> Bool {
        guard status.value == UInt256(1) else { return false }
        let (from, to) = (Self.word(authorization.from), Self.word(authorization.to))
        return logs.contains {
            $0.isEvent(EVMToken.used, of: token, [from, authorization.nonce.bytes])
        }
            && logs.contains {
                $0.isEvent(EVMToken.transferred, of: token, [from, to])
                    && $0.data.bytes == authorization.value.bytes
            }
    }

    static func word(_ address: EVMAddress) -> [UInt8] { [UInt8](repeating: 0, count: 12) + address.bytes }
}

/// An answer, whatever it holds.
struct ChainAnswer<Result: Codable & Sendable>: WireValue {
    struct Refusal: Codable, Sendable {
        var code: Int
        var message: String
    }
    var jsonrpc: String
    var id: Int64
    var result: Result?
    var error: Refusal?
}

/// What a chain, or whoever carries its words, did wrong.
enum ChainTrouble: Error, Hashable, CustomStringConvertible {
    case silent(String)
    case refused(String)
    case unreadable(String)
    case contradiction(String)

    var description: String {
        switch self {
        case .silent(let why): "the chain does not answer: \(why)"
        case .refused(let why): "the chain refuses: \(why)"
        case .unreadable(let why): "the chain's answer cannot be read: \(why)"
        case .contradiction(let why): why
        }
    }
}
