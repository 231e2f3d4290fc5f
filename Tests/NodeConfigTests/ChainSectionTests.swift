// Proves that a chain is a matter of a few lines, that a wrong one is named, and that each daemon is told its part alone.

import ConfigFile
import Foundation
import NodeConfig
import Testing
import Wire

@Suite struct ChainSectionTests {
    private func resolve(_ json: String) throws -> NodeConfiguration {
        let tree = try JSONDecoder().decode(ConfigTree.self, from: Data(json.utf8))
        return try NodeConfiguration.resolve(tree)
    }

    @Test func aKnownChainNeedsItsNameAndAnAddress() throws {
        let config = try resolve(
            #"{"ledger":{"chains":[{"name":"polygon","rpc":"https://rpc.example/key","max_fee_gwei":90}]}}"#)
        let chain = try #require(config.ledger.chains.first)
        #expect(chain.chainID == 137 && chain.coin == "POL" && chain.maxFeeGwei == 90)
        #expect(chain.tokens.map(\.address) == ["0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"])
        let ledger = String(decoding: try config.slice(for: .ledger, callerUIDs: nil), as: UTF8.self)
        #expect(ledger.contains("polygon") && !ledger.contains("rpc.example"))
        let ws = String(decoding: try config.slice(for: .ws, callerUIDs: nil), as: UTF8.self)
        #expect(ws.contains("evm/polygon") && ws.contains("rpc.example"))
    }

    @Test(arguments: [
        #"{"name":"polygon"}"#, #"{"name":"polygon","rpc":"http://example.org"}"#,
        #"{"name":"polygon","rpc":"https://a.example","chain_idd":1}"#,
        #"{"name":"other","rpc":"https://a.example"}"#, #"{"rpc":"https://a.example"}"#,
        #"{"name":"other","rpc":"https://a.example","chain_id":5}"#,
        #"{"name":"x y","rpc":"https://a.example","chain_id":5}"#,
        #"{"name":"polygon","rpc":"https://a.example","valid_s":5}"#,
        #"{"name":"polygon","rpc":"https://a.example","tokens":[{"symbol":"X","address":"0x1"}]}"#,
    ])
    func aWrongEntryIsNamed(_ entry: String) {
        #expect(throws: ConfigProblem.self) { try resolve(#"{"ledger":{"chains":[\#(entry)]}}"#) }
    }

    @Test func noTwoEntriesAreTheSameChain() {
        let entry = #"{"name":"polygon","rpc":"https://a.example"}"#
        #expect(throws: ConfigProblem.self) { try resolve(#"{"ledger":{"chains":[\#(entry),\#(entry)]}}"#) }
    }
}
