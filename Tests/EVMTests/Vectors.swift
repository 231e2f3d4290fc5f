// The vectors that vectors/make.py wrote with Python's Ethereum software, as this module's own values.
// It must never compute what is expected.

import FoundationEssentials
import NodeModel
import Testing

@testable import EVM

struct Vectors: Decodable {
    struct Transaction: Decodable {
        struct Access: Decodable {
            let address: String
            let storageKeys: [String]
        }
        struct Fields: Decodable {
            let chainId, nonce, gas, value, data: String
            let to, gasPrice, maxPriorityFeePerGas, maxFeePerGas: String?
            let accessList: [Access]?
        }
        let fields: Fields
        let raw, hash: String
    }

    struct Authorization: Decodable {
        struct Domain: Decodable {
            let name, version, chainId, verifyingContract: String
        }
        let kind: String
        let domain: Domain
        let values: [String: String]
        let separator, digest, signature, call: String
    }

    struct Words: Decodable {
        let types: [String]
        let values: [Item]
        let encoded: String
    }

    /// A byte string or a list, as JSON has it.
    indirect enum Item: Decodable {
        case text(String)
        case flag(Bool)
        case number(String)
        case bytes(String)
        case list([Item])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let list = try? container.decode([Item].self) {
                self = .list(list)
            } else if let flag = try? container.decode(Bool.self) {
                self = .flag(flag)
            } else if let object = try? container.decode([String: String].self) {
                self = object["uint"].map { .number($0) } ?? .bytes(object["bytes"] ?? "")
            } else {
                self = .text(try container.decode(String.self))
            }
        }
    }

    struct Prefixed: Decodable {
        let value: Item
        let rlp: String
    }

    let account: String
    let addresses: [String]
    let rlp: [Prefixed]
    let abi: [Words]
    let transactions: [Transaction]
    let authorizations: [Authorization]

    static func read<T: Decodable>(_ name: String, _ type: T.Type) throws -> T {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let path = folder.joined(separator: "/") + "/vectors/" + name
        return try JSONDecoder().decode(type, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    static func load() throws -> Vectors { try read("evm.json", Vectors.self) }
}

/// Bytes of hexadecimal, with or without `0x`.
func bytes(_ text: String) throws -> [UInt8] {
    try #require(Hex.decode((text.hasPrefix("0x") ? String(text.dropFirst(2)) : text).lowercased()))
}

func number(_ decimal: String) throws -> UInt256 { try #require(UInt256(decimal: decimal)) }
