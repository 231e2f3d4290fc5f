// Proves which endpoints of cards can be dialled.

import NodeModel
import Testing

@Suite struct EndpointFormTests {
    @Test func anAddressInDigitsIsTakenApart() throws {
        let four = try EndpointForm("ws://203.0.113.7:9100/peer")
        #expect(four.host == "203.0.113.7" && four.port == 9100 && four.authority == "203.0.113.7:9100")
        let six = try EndpointForm("ws://[2001:db8::7]:9100/peer")
        #expect(six.host == "2001:db8::7" && six.authority == "[2001:db8::7]:9100")
    }

    @Test(arguments: [
        "wss://203.0.113.7:9100/peer", "ws://example.org:9100/peer", "ws://203.0.113.7/peer",
        "ws://203.0.113.7:0/peer", "ws://203.0.113.7:99999/peer", "ws://203.0.113.7:9100/", "",
        "ws://2001:db8::7:9100/peer", "ws://[203.0.113.7]:9100/peer", "ws://a@203.0.113.7:9100/peer",
        "ws://203.0.113.7:9100/other/peer",
        "ws://203.0.113.7:9100" + String(repeating: "/peer", count: 40),
    ])
    func anythingElseIsNot(_ text: String) {
        #expect(EndpointForm.problem(text) != nil)
    }
}
