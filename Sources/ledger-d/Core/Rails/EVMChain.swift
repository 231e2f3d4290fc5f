// One chain of the configuration, with its texts made into values: what may be signed for it is bounded by these.
// It must never come from what a chain says about itself.

import EVM
import NodeConfig
import NodeModel
import Wire

/// A token that this node pays and takes.
struct EVMToken: Hashable, Sendable {
    let symbol: String
    let decimals: Int
    let asset: Asset
    let domain: EIP712Domain
    let perPayment: Int64
    let perDay: Int64
    let perPeer: Int64

    var address: EVMAddress { domain.contract }

    static let balanceOf = ABIFunction("balanceOf", [.address], returns: [.uint(256)])
    static let authorizationState = ABIFunction(
        "authorizationState", [.address, .fixedBytes(32)], returns: [.bool])
    static let name = ABIFunction("name", [], returns: [.string])
    static let version = ABIFunction("version", [], returns: [.string])
    static let decimals = ABIFunction("decimals", [], returns: [.uint(8)])
    static let separator = ABIFunction("DOMAIN_SEPARATOR", [], returns: [.fixedBytes(32)])
    static let transferred = Keccak256.hash("Transfer(address,address,uint256)".utf8)
    static let used = Keccak256.hash("AuthorizationUsed(address,bytes32)".utf8)
}

/// A chain and how it may be used.
struct EVMChain: Hashable, Sendable {
    let name: String
    let id: UInt64
    let endpoint: String
    let coin: String
    let tokens: [EVMToken]
    let depositsFrom: Int64
    let poll: Duration
    let validSeconds: Int64
    let gasLimit: UInt64
    /// In wei for each unit of gas.
    let highestFee: UInt64
    let lowestTip: UInt64

    /// CAIP-2.
    var rail: String { "eip155:\(id)" }

    init(_ section: ChainSection) throws {
        guard let id = UInt64(exactly: section.chainID), let gas = UInt64(exactly: section.gasLimit),
            let highest = UInt64(exactly: section.maxFeeGwei), let tip = UInt64(exactly: section.minTipGwei)
        else { throw WireError(.configInvalid, "ledger.chains: '\(section.name)' has a number below zero.") }
        name = section.name
        self.id = id
        endpoint = section.endpoint
        coin = section.coin.isEmpty ? "coin" : section.coin
        depositsFrom = section.depositsFrom
        poll = .seconds(section.pollSeconds)
        validSeconds = section.validSeconds
        gasLimit = gas
        highestFee = highest &* 1_000_000_000
        lowestTip = tip &* 1_000_000_000
        tokens = try section.tokens.map { token in
            let address: EVMAddress
            do { address = try EVMAddress(token.address) } catch {
                throw WireError(
                    .configInvalid, "ledger.chains: \(token.symbol) on \(section.name): \(error).")
            }
            return EVMToken(
                symbol: token.symbol, decimals: token.decimals,
                asset: Asset(rawValue: "eip155:\(id)/erc20:\(address.lowercase)"),
                domain: EIP712Domain(
                    name: token.name, version: token.version, chainID: id, contract: address),
                perPayment: token.maxPerPayment, perDay: token.maxPerDay,
                perPeer: token.maxPerPeer)
        }
    }
}
