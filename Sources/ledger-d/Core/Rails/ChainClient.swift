// Questions to one chain, by way of a carrier. Each has a number of its own, and only its own answer is taken.
// It must never believe an answer: what it gives back is what somebody claims.

import EVM
import IPC
import Interfaces
import NIOConcurrencyHelpers
import NodeModel
import Wire

/// The way out of a process that has no network.
protocol Carrier: Sendable {
    /// - Returns: HTTP's status and the body.
    func carry(_ endpoint: String, _ body: String) async throws -> (status: Int, body: String)
}

/// ws-d.
struct LinkCarrier: Carrier, KeyedCarrier, RelayCarrier {
    let link: PeerLink

    func carry(_ endpoint: String, _ body: String) async throws -> (status: Int, body: String) {
        let reply = try await link.call(WSInterface.Carry(endpoint: endpoint, body: body))
        return (reply.status, reply.body)
    }

    func carry(
        _ endpoint: String, path: String, body: String, secret: String
    ) async throws -> (status: Int, body: String) {
        let reply = try await link.call(
            WSInterface.Carry(endpoint: endpoint, body: body, path: path, secret: secret))
        return (reply.status, reply.body)
    }
}

extension LinkCarrier {
    func carryLine(
        _ endpoint: String, path: String, body: String, secret: String
    ) async throws -> (status: Int, body: String) {
        let reply = try await link.call(
            WSInterface.Carry(endpoint: endpoint, body: body, path: path, secret: secret, firstLine: true))
        return (reply.status, reply.body)
    }

    func exchange(
        _ endpoint: String, _ event: SignedEvent, kind: Int, author: PublicKey
    ) async throws -> (answer: SignedEvent?, words: String) {
        let reply = try await link.call(
            WSInterface.Relay(endpoint: endpoint, event: event, answer: .init(kind: kind, author: author)))
        return (reply.answer, reply.words)
    }
}

/// Asks one chain.
struct ChainClient: Sendable {
    private let endpoint: String
    private let carrier: any Carrier
    /// Begins anywhere, so that an answer of an earlier process is not taken for one of this.
    private let last = NIOLockedValueBox(Int64.random(in: 1...(1 << 40)))

    init(endpoint: String, carrier: any Carrier) {
        self.endpoint = endpoint
        self.carrier = carrier
    }

    /// A block's name: its number, or `latest` or `finalized`.
    enum Place {
        case number(UInt64), latest, finalized
        var json: String {
            switch self {
            case .number(let number): "\"0x\(String(number, radix: 16))\""
            case .latest: "\"latest\""
            case .finalized: "\"finalized\""
            }
        }
    }

    func chainID() async throws -> UInt256 { try await number("eth_chainId", "") }

    func block(_ place: Place) async throws -> ChainBlock? {
        try await ask("eth_getBlockByNumber", "\(place.json),false", ChainBlock.self)
    }

    /// How many transactions of an account are in blocks.
    func count(_ account: EVMAddress) async throws -> UInt64 {
        guard
            let count = try await number(
                "eth_getTransactionCount", "\"\(account.lowercase)\",\"latest\""
            ).exactUInt64, count < 1 << 62
        else { throw ChainTrouble.unreadable("a count of transactions beyond all bounds") }
        return count
    }

    func coins(_ account: EVMAddress) async throws -> UInt256 {
        try await number("eth_getBalance", "\"\(account.lowercase)\",\"latest\"")
    }

    func tip() async throws -> UInt256 { try await number("eth_maxPriorityFeePerGas", "") }

    func receipt(_ hash: [UInt8]) async throws -> ChainReceipt? {
        try await ask("eth_getTransactionReceipt", "\"0x\(Hex.encode(hash))\"", ChainReceipt.self)
    }

    /// Calls a function of a contract without a transaction.
    func call(
        _ function: ABIFunction, _ arguments: [ABIValue] = [], at contract: EVMAddress, _ place: Place
    ) async throws -> [ABIValue] {
        let data = Hex.encode(try function.call(arguments))
        let params = #"{"to":"\#(contract.lowercase)","data":"0x\#(data)"},\#(place.json)"#
        guard let answer = try await ask("eth_call", params, ChainBytes.self) else {
            throw ChainTrouble.unreadable("\(function.name) gave nothing")
        }
        do { return try function.result(answer.bytes) } catch {
            throw ChainTrouble.unreadable("\(function.name): \(error)")
        }
    }

    func logs(
        of contract: EVMAddress, topics: [[UInt8]?], from: UInt64, to: UInt64
    ) async throws -> [ChainLog] {
        let names = topics.map { $0.map { "\"0x\(Hex.encode($0))\"" } ?? "null" }.joined(separator: ",")
        let params =
            #"{"address":"\#(contract.lowercase)","topics":[\#(names)],"fromBlock":\#(Place.number(from).json),"#
            + #""toBlock":\#(Place.number(to).json)}"#
        return try await ask("eth_getLogs", params, [ChainLog].self) ?? []
    }

    /// Gives a signed transaction to the chain.
    func send(_ letter: Letter) async throws {
        let said = try await ask(
            "eth_sendRawTransaction", "\"0x\(Hex.encode(letter.raw))\"", ChainBytes.self)
        guard said?.bytes == letter.hash else {
            throw ChainTrouble.contradiction("another transaction was acknowledged than was handed over")
        }
    }

    private func number(_ method: String, _ params: String) async throws -> UInt256 {
        guard let answer = try await ask(method, params, ChainNumber.self) else {
            throw ChainTrouble.unreadable("\(method) gave nothing")
        }
        return answer.value
    }

    /// - Returns: nil when the chain answers with null.
    private func ask<R: Codable & Sendable>(
        _ method: String, _ params: String, _ type: R.Type
    ) async throws -> R? {
        let id = last.withLockedValue { last in
            last += 1
            return last
        }
        let question = #"{"id":\#(id),"jsonrpc":"2.0","method":"\#(method)","params":[\#(params)]}"#
        let reply: (status: Int, body: String)
        do { reply = try await carrier.carry(endpoint, question) } catch let error as WireError {
            throw ChainTrouble.silent(error.message)
        }
        return try Self.read(reply.body, status: reply.status, id: id, method)
    }

    static func read<R: Codable & Sendable>(
        _ body: String, status: Int, id: Int64, _ method: String
    ) throws(ChainTrouble) -> R? {
        let answer: ChainAnswer<R>
        do { answer = try ChainAnswer<R>.fromJSON(Array(body.utf8)) } catch {
            if status != 200 { throw .silent("\(method): HTTP status \(status)") }
            throw .unreadable("\(method): \((error as? WireError)?.message ?? "\(error)")")
        }
        guard answer.jsonrpc == "2.0", answer.id == id else {
            throw .contradiction("\(method): the answer is one to another question")
        }
        if let error = answer.error {
            throw .refused("\(method): \(StrangersWords.plain(error.message))")
        }
        guard status == 200 else { throw .silent("\(method): HTTP status \(status)") }
        return answer.result
    }
}
