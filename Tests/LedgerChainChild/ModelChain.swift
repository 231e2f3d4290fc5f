// A chain in memory behind a carrier: it checks what it is given as a node and the token's contract would, and may be
// told to lie. It must never know what ledger-d means to do: it has the signed bytes alone.

import EVM
import Foundation
import Glibc
import NIOConcurrencyHelpers
import NodeModel
import Wire
import X402

@testable import LedgerCore

final class ModelChain: Carrier, Sendable {
    struct Mined {
        var hash: [UInt8]
        var block: Int
        var ok: Bool
        var from: EVMAddress
        var to: EVMAddress
        var value: UInt256
        var nonce: [UInt8]
    }

    struct State {
        var chainID: UInt64 = 137
        var name = "USD Coin"
        var height = 100
        /// How many blocks the last is ahead of what is final.
        var depth = 2
        /// Unix seconds of the last block.
        var time: Int64 = 1_790_000_000
        var baseFee: UInt64 = 30_000_000_000
        var nonces: [EVMAddress: UInt64] = [:]
        var tokens: [EVMAddress: UInt256] = [:]
        var used: [[UInt8]: Int] = [:]
        var mined: [Mined] = []
        /// Whether what arrives is put into a block at once.
        var mines = true
        var waiting: [[UInt8]] = []
        /// Every transaction that arrived, once for each time.
        var arrived: [[UInt8]] = []
        /// Stands between the chain and ledger-d: gets the method and the true result, gives another or nothing.
        var lie: (@Sendable (String, Any) -> Any?)?
        var asked: [String] = []
        var settlement = ModelSettlement()
        /// Called before a transaction is in the chain's memory, and after it.
        var reach: (@Sendable () -> Void)?
        /// Seconds that were waited in one go, over the chain's whole life.
        var waited: Int64 = 0

        mutating func wait(_ seconds: Int64) {
            waited += seconds
            time += seconds
        }
    }

    static let token = EVMAddressText("0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
    let state = NIOLockedValueBox(State())

    /// Where the chain's memory is; nil for a chain that ends with its process.
    let path: String?

    /// A chain as it was left, when its memory is a file.
    init(path: String? = nil, _ prepare: (inout State) -> Void = { _ in }) {
        self.path = path
        change(prepare)
        guard let path, let text = try? String(contentsOfFile: path, encoding: .utf8) else { return }
        for line in text.split(separator: "\n") {
            if line.hasPrefix("w") {
                change { $0.wait(Int64(line.dropFirst()) ?? 0) }
                continue
            }
            change { state in
                state.height += 1
                state.time += 2
                if let raw = Hex.decode(line), raw.count > 1 { Self.include(raw, &state) }
            }
        }
    }

    /// One write, so that what was killed left a whole line or none.
    private func remember(_ line: String) {
        guard let path else { return }
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let bytes = Array((line + "\n").utf8)
        _ = write(file, bytes, bytes.count)
        close(file)
    }

    func change<T>(_ body: (inout State) throws -> T) rethrows -> T { try state.withLockedValue(body) }

    /// Nothing happens for a while.
    func wait(_ seconds: Int64) {
        remember("w\(seconds)")
        change { $0.wait(seconds) }
    }

    func mine(_ blocks: Int = 1) {
        for _ in 0..<blocks {
            // What waited is remembered like what was mined at once: each in a block of its own.
            let waiting = change { state in
                defer { state.waiting = [] }
                return state.waiting.isEmpty ? [[]] : state.waiting
            }
            for raw in waiting {
                remember(raw.isEmpty ? "00" : Hex.encode(raw))
                change { state in
                    state.height += 1
                    state.time += 2
                    if !raw.isEmpty { Self.include(raw, &state) }
                }
            }
        }
    }

    /// Somebody sends tokens to an account.
    func deposit(_ amount: UInt64, to: EVMAddress) {
        change { state in
            state.height += 1
            state.tokens[to] = (state.tokens[to] ?? .zero).adding(UInt256(amount))
            state.mined.append(
                Mined(
                    hash: Keccak256.hash("in \(state.mined.count)".utf8), block: state.height, ok: true,
                    from: .zero,
                    to: to, value: UInt256(amount), nonce: []))
        }
    }

    private static func include(_ raw: [UInt8], _ state: inout State) {
        guard let signed = try? SignedEVMTransaction(raw: raw), case .feeMarket(let tx) = signed.transaction,
            tx.nonce == state.nonces[signed.sender] ?? 0
        else { return }
        state.nonces[signed.sender] = tx.nonce + 1
        if tx.to == BatchSettlement.contract {
            state.mined.append(ModelSettlement.include(raw, tx, from: signed.sender, &state))
            return
        }
        let function = TransferAuthorization(
            from: .zero, to: .zero, value: .zero, validBefore: 0, nonce: Digest(hashing: "")
        ).function
        guard let arguments = try? function.arguments(of: tx.data), case .address(let from) = arguments[0],
            case .address(let to) = arguments[1], case .uint(let value) = arguments[2],
            case .uint(let end) = arguments[4], case .bytes(let nonce) = arguments[5]
        else { return }
        let held = state.tokens[from] ?? .zero
        let ok =
            state.used[nonce] == nil && UInt256(UInt64(state.time)) < end && held >= value
            && tx.to == token.address
        if ok {
            state.used[nonce] = state.height
            state.tokens[from] = held.subtracting(value)
            state.tokens[to] = (state.tokens[to] ?? .zero).adding(value)
        }
        state.mined.append(
            Mined(
                hash: Keccak256.hash(raw), block: state.height, ok: ok, from: from, to: to, value: value,
                nonce: nonce))
    }

    func carry(_ endpoint: String, _ body: String) async throws -> (status: Int, body: String) {
        (200, try reply(to: body))
    }

    func reply(to body: String) throws -> String {
        guard let question = try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any],
            let method = question["method"] as? String, let params = question["params"] as? [Any],
            let id = question["id"] as? Int
        else { throw WireError(.invalidParams, "no question") }
        let answer: [String: Any]? = change { state in
            state.asked.append(method)
            let before = state.mined.count
            if method == "eth_sendRawTransaction" { state.reach?() }
            do {
                let result = try Self.answer(method, params, &state)
                if state.mined.count > before, let raw = state.arrived.last {
                    remember(Hex.encode(raw))
                    state.reach?()
                }
                guard let lie = state.lie else { return ["jsonrpc": "2.0", "id": id, "result": result] }
                return lie(method, result).map { told in
                    (told as? Whole)?.answer ?? ["jsonrpc": "2.0", "id": id, "result": told]
                }
            } catch {
                return ["jsonrpc": "2.0", "id": id, "error": ["code": -32000, "message": "\(error)"]]
            }
        }
        guard let answer else { throw WireError(.unavailable, "the answer was dropped") }
        return String(decoding: try JSONSerialization.data(withJSONObject: answer), as: UTF8.self)
    }

    /// A lie about the whole answer, number and all.
    struct Whole { var answer: [String: Any] }

    private static func answer(_ method: String, _ params: [Any], _ state: inout State) throws -> Any {
        switch method {
        case "eth_chainId": return hex(state.chainID)
        case "eth_getBlockByNumber": return block(number(params[0], state), state) ?? NSNull()
        case "eth_getTransactionCount": return hex(state.nonces[try address(params[0])] ?? 0)
        case "eth_getBalance": return hex(10_000_000_000_000_000_000)
        case "eth_maxPriorityFeePerGas": return hex(1_000_000_000)
        case "eth_getTransactionReceipt":
            guard let hash = params[0] as? String,
                let found = state.mined.first(where: { data($0.hash) == hash })
            else { return NSNull() }
            return receipt(found)
        case "eth_getLogs":
            guard let filter = params[0] as? [String: Any], let topics = filter["topics"] as? [Any] else {
                return []
            }
            let range = number(filter["fromBlock"], state)...number(filter["toBlock"], state)
            return state.mined.filter { range.contains($0.block) && $0.ok }.flatMap { logs($0) }.filter {
                log in
                let own = log["topics"] as? [String] ?? []
                return own.count == topics.count
                    && zip(own, topics).allSatisfy { ($1 as? String) == nil || $0 == $1 as? String }
            }
        case "eth_call":
            guard let call = params[0] as? [String: Any], let text = call["data"] as? String,
                let bytes = Hex.decode(text.dropFirst(2))
            else { throw WireError(.invalidParams, "no call") }
            return data(try result(bytes, at: number(params[1], state), state))
        case "eth_sendRawTransaction":
            guard let text = params[0] as? String, let raw = Hex.decode(text.dropFirst(2)) else {
                throw WireError(.invalidParams, "no transaction")
            }
            state.arrived.append(raw)
            let signed = try SignedEVMTransaction(raw: raw)
            guard case .feeMarket(let tx) = signed.transaction, tx.chainID == state.chainID else {
                throw WireError(.invalidParams, "invalid chain id for signer")
            }
            guard tx.nonce >= state.nonces[signed.sender] ?? 0 else {
                throw WireError(.invalidParams, "nonce too low")
            }
            if state.mines {
                state.height += 1
                state.time += 2
                include(raw, &state)
            } else if !state.waiting.contains(raw) {
                state.waiting.append(raw)
            }
            return data(Keccak256.hash(raw))
        default: throw WireError(.unknownMethod, method)
        }
    }

    private static func result(_ call: [UInt8], at block: Int, _ state: State) throws -> [UInt8] {
        for function in [
            EVMToken.name, EVMToken.version, EVMToken.decimals, EVMToken.separator, EVMToken.balanceOf,
            EVMToken.authorizationState,
        ] + ModelSettlement.functions where call.starts(with: function.selector) {
            let arguments = try function.arguments(of: call)
            let value: ABIValue
            if let values = try state.settlement.answer(function.name, arguments, at: block) {
                return try ABI.encode(values, as: function.outputs)
            }
            switch function.name {
            case "name": value = .string(state.name)
            case "version": value = .string("2")
            case "decimals": value = .uint(6)
            case "DOMAIN_SEPARATOR":
                value = .bytes(
                    try EIP712Domain(
                        name: state.name, version: "2", chainID: state.chainID, contract: token.address
                    ).separator())
            case "balanceOf":
                guard case .address(let who) = arguments[0] else { throw ABIError.truncated }
                value = .uint(state.tokens[who] ?? .zero)
            default:
                guard case .bytes(let nonce) = arguments[1] else { throw ABIError.truncated }
                value = .bool((state.used[nonce] ?? .max) <= block)
            }
            return try ABI.encode([value], as: function.outputs)
        }
        throw WireError(.unknownMethod, "no such function")
    }

    private static func block(_ number: Int, _ state: State) -> [String: Any]? {
        guard number <= state.height else { return nil }
        return [
            "number": hex(UInt64(number)), "hash": data(hash(of: number)),
            "timestamp": hex(UInt64(state.time - 2 * Int64(state.height - number))),
            "baseFeePerGas": hex(state.baseFee),
        ]
    }

    static func hash(of block: Int) -> [UInt8] { Keccak256.hash("block \(block)".utf8) }

    static func receipt(_ found: Mined) -> [String: Any] {
        [
            "transactionHash": data(found.hash), "blockHash": data(hash(of: found.block)),
            "blockNumber": hex(UInt64(found.block)), "status": found.ok ? "0x1" : "0x0",
            "logs": found.ok ? logs(found) : [],
        ]
    }

    private static func logs(_ found: Mined) -> [[String: Any]] {
        func word(_ address: EVMAddress) -> String { data(ChainReceipt.word(address)) }
        func log(_ topics: [String], _ bytes: [UInt8], _ index: UInt64) -> [String: Any] {
            [
                "address": token.address.lowercase, "topics": topics, "data": data(bytes),
                "blockNumber": hex(UInt64(found.block)), "transactionHash": data(found.hash),
                "logIndex": hex(index), "removed": false,
            ]
        }
        let moved = log(
            [data(EVMToken.transferred), word(found.from), word(found.to)], found.value.bytes, 1)
        return found.nonce.isEmpty
            ? [moved] : [log([data(EVMToken.used), word(found.from), data(found.nonce)], [], 0), moved]
    }

    private static func number(_ value: Any?, _ state: State) -> Int {
        switch value as? String {
        case "latest": state.height
        case "finalized": state.height - state.depth
        case .some(let text): Int(text.dropFirst(2), radix: 16) ?? 0
        case .none: 0
        }
    }

    private static func address(_ value: Any) throws -> EVMAddress { try EVMAddress(value as? String ?? "") }
    static func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
    static func data(_ bytes: [UInt8]) -> String { "0x" + Hex.encode(bytes) }
}

/// An address that is written in the source.
struct EVMAddressText: Sendable {
    let address: EVMAddress
    init(_ text: String) { address = (try? EVMAddress(text)) ?? .zero }
}
