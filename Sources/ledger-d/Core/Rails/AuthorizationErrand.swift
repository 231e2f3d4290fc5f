// What an errand is that comes to one authorization of the token (EIP-3009), this node's own or a stranger's.
// It must never ask by whom it was carried: the token lets an authorization pass once, and that is what counts.

import EVM

protocol AuthorizationErrand: EVMErrand {
    func authorization() throws -> TransferAuthorization
}

extension AuthorizationErrand {
    var gasShare: UInt64 { 1 }
    var provesItself: Bool { false }

    func isDone(_ client: ChainClient, _ token: EVMToken, _ place: ChainClient.Place) async throws -> Bool {
        try await client.hasUsed(try authorization(), token, place)
    }

    func carriers(_ client: ChainClient, _ token: EVMToken, in blocks: ClosedRange<UInt64>) async throws
        -> [[UInt8]]
    {
        try await client.carriers(of: try authorization(), token, in: blocks)
    }

    func pays(_ receipt: ChainReceipt, _ token: EVMToken) throws -> Bool {
        receipt.pays(try authorization(), token: token.address)
    }
}
