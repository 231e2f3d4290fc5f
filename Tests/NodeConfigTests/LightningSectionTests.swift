// Proves that an account on Lightning is a matter of a few lines, that a wrong one is named, and that ledger-d is told no
// address and ws-d no ceiling.

import Foundation
import NodeConfig
import Testing
import Wire

@Suite struct LightningSectionTests {
    private func resolve(_ json: String) throws -> NodeConfiguration {
        let tree = try JSONDecoder().decode(
            ConfigTree.self, from: Data(#"{"ledger":{"lightning":\#(json)}}"#.utf8))
        return try NodeConfiguration.resolve(tree)
    }

    @Test func eachDaemonIsToldItsPart() throws {
        #expect(try !resolve("{}").ledger.lightning.isOn)
        let config = try resolve(#"{"name":"savings","kind":"lnbits","url":"https://ln.example/x"}"#)
        let ledger = String(decoding: try config.slice(for: .ledger, callerUIDs: nil), as: UTF8.self)
        #expect(ledger.contains("savings") && !ledger.contains("ln.example"))
        let slice = try config.slice(for: .ws, callerUIDs: nil)
        let ws = try JSONDecoder().decode(DaemonSlice<WSSection>.self, from: Data(slice)).section
        #expect(
            ws.carry == [
                CarryEndpoint(name: "lightning/savings", url: "https://ln.example/x", header: "X-Api-Key")
            ])
        #expect(try NodeConfiguration().slice(for: .ws, callerUIDs: nil).count < slice.count)
    }

    @Test func theSocketOfCoreLightningIsForLedgerAlone() throws {
        let config = try resolve(#"{"name":"node","kind":"cln","url":"unix:/run/lightningd/lightning-rpc"}"#)
        #expect(config.ledger.lightning.socketPath == "/run/lightningd/lightning-rpc")
        let ledger = String(decoding: try config.slice(for: .ledger, callerUIDs: nil), as: UTF8.self)
        let ws = String(decoding: try config.slice(for: .ws, callerUIDs: nil), as: UTF8.self)
        #expect(ledger.contains("lightning-rpc") && !ws.contains("lightning-rpc"))
    }

    @Test(arguments: [
        #"{"name":"a","kind":"nwc","url":"https://a.example"}"#,
        #"{"name":"a","kind":"lnd","url":"https://a.example","certificate":"nonsense"}"#,
        #"{"name":"a","kind":"lnbits","url":"https://a.example","certificate":"-----BEGIN CERTIFICATE-----"}"#,
        #"{"name":"a","kind":"nwc","url":"ws://relay.example"}"#,
        #"{"name":"a","kind":"nwc","url":"nostr+walletconnect://00?relay=wss%3A%2F%2Fa.example&secret=00"}"#,
        #"{"name":"a","kind":"nwc","url":"wss://relay.example/?secret=00"}"#,
        #"{"name":"a","kind":"lnbits","url":"wss://relay.example"}"#,
        #"{"name":"a","kind":"cln","url":"https://a.example"}"#,
        #"{"name":"a","kind":"lnbits","url":"https://a.example","payee":"02AB"}"#,
        #"{"name":"a","kind":"cln","url":"unix:relative"}"#, #"{"name":"a","kind":"lnbits","url":"unix:/a"}"#,
        #"{"kind":"lnbits"}"#, #"{"name":"a","url":"https://a.example"}"#,
        #"{"name":"a","kind":"lnbitz","url":"https://a.example"}"#,
        #"{"name":"a","kind":"lnbits","url":"http://a.example"}"#,
        #"{"name":"a b","kind":"lnbits","url":"https://a.example"}"#,
        #"{"name":"a","kind":"lnbits","url":"https://a.example","network":"litecoin"}"#,
        #"{"name":"a","kind":"lnbits","url":"https://a.example","poll_s":0}"#,
        #"{"name":"a","kind":"lnbits","url":"https://a.example","max_fee_millionths":1000001}"#,
        #"{"name":"a","kind":"lnbits","url":"https://a.example","key":"secret"}"#,
    ])
    func aWrongSectionIsNamed(_ section: String) {
        let problem = #expect(throws: ConfigProblem.self) { try resolve(section) }
        #expect(problem?.path.hasPrefix("ledger.lightning.") == true)
    }
}
