// The contract of x402's batch settlement in a chain's memory: what it lets pass it checks as the contract would.
// It must never know what ledger-d means to do: it has the calls alone.

import EVM
import NodeModel
import Wire
import X402

@testable import LedgerCore

struct ModelSettlement {
    struct Channel {
        var block: Int
        var id: Digest
        var balance = UInt256.zero
        var claimed = UInt256.zero
        /// How many signed refunds passed.
        var refunds: UInt64 = 0
    }

    /// Every state of every channel, oldest first.
    var history: [Channel] = []
    /// Since when payers want their money back, and how much.
    var leaving: [Digest: UInt64] = [:]
    var wanted: [Digest: UInt256] = [:]
    /// Of requests that are over: in which block they ended, and since when they had been there.
    var over: [Digest: (block: Int, since: UInt64)] = [:]
    /// What was claimed and not paid out, by receiver.
    var owed: [EVMAddress: UInt256] = [:]

    static let functions = [
        BatchSettlement.channels, BatchSettlement.pendingWithdrawals, BatchSettlement.getChannelId,
        BatchSettlement.refundNonce,
    ]

    func channel(_ id: Digest, at block: Int = .max) -> Channel {
        history.last { $0.id == id && $0.block <= block } ?? Channel(block: 0, id: id)
    }

    private mutating func end(_ id: Digest, at block: Int) {
        if let since = leaving[id], since > 0 { over[id] = (block, since) }
        leaving[id] = 0
    }

    func answer(_ name: String, _ arguments: [ABIValue], at block: Int) throws -> [ABIValue]? {
        switch (name, arguments.first) {
        case ("channels", .bytes(let bytes)?):
            let channel = channel(Digest(bytes: bytes) ?? Digest(hashing: ""), at: block)
            return [.uint(channel.balance), .uint(channel.claimed)]
        case ("refundNonce", .bytes(let bytes)?):
            return [.uint(channel(Digest(bytes: bytes) ?? Digest(hashing: ""), at: block).refunds)]
        case ("pendingWithdrawals", .bytes(let bytes)?):
            let id = Digest(bytes: bytes) ?? Digest(hashing: "")
            if let ended = over[id], block < ended.block { return [.uint(0), .uint(ended.since)] }
            return [.uint(0), .uint(leaving[id] ?? 0)]
        case ("getChannelId", .list(let members)?):
            return [.bytes(try Self.config(members).id(chainID: 137).bytes)]
        default: return nil
        }
    }

    static func include(
        _ raw: [UInt8], _ tx: FeeMarketTransaction, from: EVMAddress, _ state: inout ModelChain.State
    ) -> ModelChain.Mined {
        var done = ModelChain.Mined(
            hash: Keccak256.hash(raw), block: state.height, ok: false, from: from, to: .zero, value: .zero,
            nonce: [])
        var next = state
        do {
            if tx.data.starts(with: BatchSettlement.deposit.selector) {
                try deposit(tx.data, &done, &next)
            } else if tx.data.starts(with: BatchSettlement.initiateWithdraw.selector) {
                try ask(tx.data, from, &next)
            } else if tx.data.starts(with: BatchSettlement.finalizeWithdraw.selector) {
                try pay(tx.data, from, &done, &next)
            } else if tx.data.starts(with: BatchSettlement.refundWithSignature.selector) {
                try back(tx.data, &done, &next)
            } else {
                try claim(tx.data, from, &done, &next)
            }
            done.ok = true
            state = next
        } catch {}
        return done
    }

    private struct Reverted: Error {}

    private static func deposit(
        _ call: [UInt8], _ done: inout ModelChain.Mined, _ state: inout ModelChain.State
    ) throws {
        let arguments = try BatchSettlement.deposit.arguments(of: call)
        guard case .list(let members) = arguments[0], case .uint(let amount) = arguments[1],
            arguments[2] == .address(BatchSettlement.collector), case .bytes(let collected) = arguments[3]
        else { throw Reverted() }
        let config = try config(members)
        let id = try config.id(chainID: 137)
        let data = try ABI.decode(collected, as: [.uint(256), .uint(256), .fixedBytes(32), .bytes])
        guard case .uint(let before) = data[1], case .bytes(let salt) = data[2],
            case .bytes(let signature) = data[3], let signature = EVMSignature(bytes: signature),
            let salt = Digest(bytes: salt)
        else { throw Reverted() }
        let authorization = try ChannelDeposit.authorization(
            config, channel: id, amount: amount, validBefore: before.exactUInt64 ?? 0, salt: salt)
        let domain = EIP712Domain(name: "USD Coin", version: "2", chainID: 137, contract: config.token)
        let held = state.tokens[config.payer] ?? .zero
        guard try authorization.isSigned(by: signature, domain), held >= amount,
            config.token == ModelChain.token.address, state.used[authorization.nonce.bytes] == nil,
            UInt256(UInt64(state.time)) < before
        else { throw Reverted() }
        state.used[authorization.nonce.bytes] = state.height
        state.tokens[config.payer] = held.subtracting(amount)
        state.tokens[BatchSettlement.contract] =
            (state.tokens[BatchSettlement.contract] ?? .zero).adding(amount)
        var channel = state.settlement.channel(id)
        (channel.block, channel.balance) = (state.height, channel.balance.adding(amount) ?? .zero)
        state.settlement.history.append(channel)
        (done.from, done.to, done.value) = (config.payer, BatchSettlement.collector, amount)
        done.nonce = authorization.nonce.bytes
    }

    private static func ask(_ call: [UInt8], _ sender: EVMAddress, _ state: inout ModelChain.State) throws {
        let arguments = try BatchSettlement.initiateWithdraw.arguments(of: call)
        guard case .list(let members) = arguments[0], case .uint(let amount) = arguments[1] else {
            throw Reverted()
        }
        let config = try config(members)
        let id = try config.id(chainID: 137)
        let channel = state.settlement.channel(id)
        guard sender == config.payer, (state.settlement.leaving[id] ?? 0) == 0, amount > .zero,
            let free = channel.balance.subtracting(channel.claimed), amount <= free
        else { throw Reverted() }
        state.settlement.leaving[id] = UInt64(state.time)
        state.settlement.wanted[id] = amount
    }

    private static func pay(
        _ call: [UInt8], _ sender: EVMAddress, _ done: inout ModelChain.Mined,
        _ state: inout ModelChain.State
    ) throws {
        guard case .list(let members)? = try BatchSettlement.finalizeWithdraw.arguments(of: call).first else {
            throw Reverted()
        }
        let config = try config(members)
        let id = try config.id(chainID: 137)
        var channel = state.settlement.channel(id)
        guard sender == config.payer, let since = state.settlement.leaving[id], since > 0,
            UInt64(state.time) >= since + UInt64(config.withdrawDelay),
            let free = channel.balance.subtracting(channel.claimed), let wanted = state.settlement.wanted[id]
        else { throw Reverted() }
        let amount = min(free, wanted)
        state.settlement.end(id, at: state.height)
        (channel.block, channel.balance) = (state.height, channel.balance.subtracting(amount) ?? .zero)
        state.settlement.history.append(channel)
        let pool = state.tokens[BatchSettlement.contract] ?? .zero
        state.tokens[BatchSettlement.contract] = pool.subtracting(amount)
        state.tokens[config.payer] = (state.tokens[config.payer] ?? .zero).adding(amount)
        (done.from, done.to, done.value) = (BatchSettlement.contract, config.payer, amount)
    }

    private static func back(
        _ call: [UInt8], _ done: inout ModelChain.Mined, _ state: inout ModelChain.State
    ) throws {
        let arguments = try BatchSettlement.refundWithSignature.arguments(of: call)
        guard case .list(let members) = arguments[0], case .uint(let wanted) = arguments[1],
            case .uint(let nonce) = arguments[2], case .bytes(let bytes) = arguments[3],
            let signature = EVMSignature(bytes: bytes)
        else { throw Reverted() }
        let config = try config(members)
        let id = try config.id(chainID: 137)
        var channel = state.settlement.channel(id)
        let digest = try BatchSettlement.refundDigest(
            channel: id, nonce: nonce, amount: wanted, chainID: 137)
        guard nonce == UInt256(channel.refunds), signature.signer(of: digest) == config.receiverAuthorizer,
            let free = channel.balance.subtracting(channel.claimed), min(free, wanted) > .zero
        else { throw Reverted() }
        let amount = min(free, wanted)
        state.settlement.end(id, at: state.height)
        (channel.block, channel.balance) = (state.height, channel.balance.subtracting(amount) ?? .zero)
        channel.refunds += 1
        state.settlement.history.append(channel)
        let pool = state.tokens[BatchSettlement.contract] ?? .zero
        state.tokens[BatchSettlement.contract] = pool.subtracting(amount)
        state.tokens[config.payer] = (state.tokens[config.payer] ?? .zero).adding(amount)
        (done.from, done.to, done.value) = (BatchSettlement.contract, config.payer, amount)
    }

    /// `multicall` of one `claim` and one `settle`, and of a refund where one goes with them.
    private static func claim(
        _ call: [UInt8], _ sender: EVMAddress, _ done: inout ModelChain.Mined,
        _ state: inout ModelChain.State
    ) throws {
        guard case .list(let parts)? = try BatchSettlement.multicall.arguments(of: call).first,
            (2...3).contains(parts.count), case .bytes(let claimed) = parts[0],
            case .bytes(let settled) = parts[1],
            case .list(let claims)? = try BatchSettlement.claim.arguments(of: claimed).first,
            case .address(let receiver)? = try BatchSettlement.settle.arguments(of: settled).first
        else { throw Reverted() }
        for claim in claims { try take(claim, sender, &state) }
        let owed = state.settlement.owed[receiver] ?? .zero
        let pool = state.tokens[BatchSettlement.contract] ?? .zero
        state.settlement.owed[receiver] = .zero
        state.tokens[BatchSettlement.contract] = pool.subtracting(owed)
        state.tokens[receiver] = (state.tokens[receiver] ?? .zero).adding(owed)
        (done.from, done.to, done.value) = (BatchSettlement.contract, receiver, owed)
        if parts.count == 3 {
            guard case .bytes(let refund) = parts[2] else { throw Reverted() }
            try back(refund, &done, &state)
        }
    }

    private static func take(
        _ claim: ABIValue, _ sender: EVMAddress, _ state: inout ModelChain.State
    ) throws {
        guard case .list(let parts) = claim, case .list(let voucher) = parts[0],
            case .list(let members) = voucher[0], case .uint(let ceiling) = voucher[1],
            case .bytes(let bytes) = parts[1], case .uint(let total) = parts[2],
            let signature = EVMSignature(bytes: bytes)
        else { throw Reverted() }
        let config = try config(members)
        let id = try config.id(chainID: 137)
        var channel = state.settlement.channel(id)
        guard sender == config.receiver || sender == config.receiverAuthorizer else { throw Reverted() }
        guard let more = total.subtracting(channel.claimed), more > .zero else { return }
        let signed = SignedVoucher(
            voucher: Voucher(channel: id, ceiling: ceiling), signature: signature)
        guard total <= ceiling, total <= channel.balance, signed.isSigned(for: config, chainID: 137) else {
            throw Reverted()
        }
        (channel.block, channel.claimed) = (state.height, total)
        state.settlement.history.append(channel)
        state.settlement.owed[config.receiver] =
            (state.settlement.owed[config.receiver] ?? .zero).adding(more)
    }

    private static func config(_ members: [ABIValue]) throws -> ChannelConfig {
        guard case .address(let payer) = members[0], case .address(let payerAuthorizer) = members[1],
            case .address(let receiver) = members[2], case .address(let receiverAuthorizer) = members[3],
            case .address(let token) = members[4], case .uint(let delay) = members[5],
            case .bytes(let salt) = members[6], let salt = Digest(bytes: salt)
        else { throw Reverted() }
        return ChannelConfig(
            payer: payer, payerAuthorizer: payerAuthorizer, receiver: receiver,
            receiverAuthorizer: receiverAuthorizer, token: token, withdrawDelay: delay.exactInt64 ?? 0,
            salt: salt)
    }
}
