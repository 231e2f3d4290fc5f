// Proves NIP-47's forms: the connection, what is asked, and that only the asked wallet's own answer counts.

import FoundationEssentials
import NodeModel
import Testing

@testable import Nostr

@Suite struct WalletTests {
    /// The example of NIP-47.
    static let example =
        "nostr+walletconnect://b889ff5b1513b641e2a139f661a661364979c5beee91842f8f0ef42ab558e9d4"
        + "?relay=wss%3A%2F%2Frelay.damus.io&secret=71a8c14c1407c113601079c4302dab36460f0ccd0ad506f1f2dc73b5100e4f3c"

    @Test func theExampleConnects() throws {
        let connection = try WalletConnection(Self.example)
        #expect(
            connection.wallet.hex == "b889ff5b1513b641e2a139f661a661364979c5beee91842f8f0ef42ab558e9d4")
        #expect(connection.relays == ["wss://relay.damus.io"])
        var dumped = ""
        dump(connection, to: &dumped)
        #expect(!"\(connection)\(String(reflecting: connection))\(dumped)".contains("71a8c14c"))
        let more = try WalletConnection(Self.example + "&relay=ws://127.0.0.1:7777&lud16=me%40here.org&x=")
        #expect(more.relays == ["wss://relay.damus.io", "ws://127.0.0.1:7777"])
    }

    static let refused: [(String, WalletConnectionError)] = [
        ("https://example.org", .otherScheme),
        ("nostr+walletconnect://", .badWallet),
        ("nostr+walletconnect://B889", .badWallet),
        (example.replacing("secret=71", with: "secret=7"), .badSecret),
        (example.replacing("&secret", with: "&other"), .badSecret),
        (example + "&secret=00", .badSecret),
        (example.replacing("relay=wss", with: "relay=https"), .badRelay),
        (example.replacing("relay=", with: "other="), .badRelay),
        (example + "&x", .malformed),
        (example + "&x=%4", .malformed),
        (example + "&x=%zz", .malformed),
        (example + "&x=%ff", .malformed),
    ]

    @Test(arguments: refused)
    func otherTextIsRefused(_ text: String, _ error: WalletConnectionError) {
        #expect(throws: error) { try WalletConnection(text) }
    }

    /// A wallet service and a client that know each other.
    struct Pair {
        let wallet = SecretKey.generate()
        let connection: WalletConnection

        init() throws {
            let secret = SecretKey.generate().withBytes { Hex.encode($0) }
            connection = try WalletConnection(
                "nostr+walletconnect://\(wallet.publicKey.hex)?relay=ws://127.0.0.1:1&secret=\(secret)")
        }

        func answer(_ json: String, to sent: SignedEvent, by other: SecretKey? = nil, kind: Int = 23195)
            throws -> SignedEvent
        {
            let author = other ?? wallet
            let client = connection.secret.publicKey
            return try author.sign(
                EventTemplate(
                    pubkey: author.publicKey, createdAt: 1_790_000_001, kind: kind,
                    tags: [["p", client.hex], ["e", sent.id]],
                    content: try NIP44.encrypt(json, NIP44.ConversationKey(author, with: client))))
        }
    }

    static let hash = Digest(hashing: [UInt8](repeating: 7, count: 32))
    static let preimage = String(repeating: "07", count: 32)

    @Test(arguments: [
        (
            WalletRequest.payInvoice("lnbc1", amount: nil),
            #"{"method":"pay_invoice","params":{"invoice":"lnbc1"}}"#
        ),
        (
            .makeInvoice(amount: 21_000, description: "a \"b\"/ä", expiry: 60),
            #"{"method":"make_invoice","params":{"amount":21000,"description":"a \"b\"/ä","expiry":60}}"#
        ),
        (.lookUp(hash), #"{"method":"lookup_invoice","params":{"payment_hash":"\#(hash.hex)"}}"#),
        (.balance, #"{"method":"get_balance","params":{}}"#), (.info, #"{"method":"get_info","params":{}}"#),
        (
            .makeHoldInvoice(amount: 1, description: "", expiry: nil, hash: hash, cltv: 144),
            #"{"method":"make_hold_invoice","params":{"amount":1,"description":"","min_cltv_expiry_delta":144,"#
                + #""payment_hash":"\#(hash.hex)"}}"#
        ),
        (
            .settleHoldInvoice([UInt8](repeating: 7, count: 32)),
            #"{"method":"settle_hold_invoice","params":{"preimage":"\#(preimage)"}}"#
        ),
        (
            .cancelHoldInvoice(hash),
            #"{"method":"cancel_hold_invoice","params":{"payment_hash":"\#(hash.hex)"}}"#
        ),
    ])
    func requestsAreSpelledAsTheNIPAsks(_ request: WalletRequest, _ json: String) throws {
        #expect(try request.json() == json)
        let pair = try Pair()
        let event = try request.event(pair.connection, now: 1_790_000_000, expiration: 1_790_000_060)
        try event.verify()
        #expect(event.kind == 23194 && event.pubkey == pair.connection.secret.publicKey)
        #expect(
            event.tags == [
                ["encryption", "nip44_v2"], ["p", pair.wallet.publicKey.hex], ["expiration", "1790000060"],
            ])
        let key = try NIP44.ConversationKey(pair.wallet, with: event.pubkey)
        #expect(try NIP44.decrypt(event.content, key) == json)
    }

    @Test func answersAreRead() throws {
        let pay = WalletRequest.payInvoice("lnbc1", amount: nil)
        func read(_ json: String, _ request: WalletRequest) throws -> WalletResponse {
            try WalletResponse(json: json, to: request)
        }
        #expect(
            try read(
                #"{"result_type":"pay_invoice","error":null,"result":{"preimage":"\#(Self.preimage)","fees_paid":3}}"#,
                pay) == .paid(preimage: [UInt8](repeating: 7, count: 32), fees: 3))
        #expect(
            try read(
                #"{"result_type":"pay_invoice","error":{"code":"QUOTA_EXCEEDED","message":"no"},"result":null}"#,
                pay)
                == .failed(WalletFailure(code: .quotaExceeded, message: "no")))
        #expect(
            try read(#"{"result_type":"pay_invoice","error":{"code":"NEW","message":""}}"#, pay)
                == .failed(WalletFailure(code: .other, message: "")))
        #expect(
            try read(#"{"result_type":"get_balance","result":{"balance":10000}}"#, .balance)
                == .balance(10_000))
        #expect(
            try read(#"{"result_type":"get_info","result":{"methods":["a"],"alias":"x"}}"#, .info)
                == .info(methods: ["a"]))
        #expect(
            try read(#"{"result_type":"get_info","result":{"methods":[],"block_height":8}}"#, .info)
                == .info(methods: [], height: 8))
        // An invoice on another hash than the one that was asked for is none.
        let hold = WalletRequest.makeHoldInvoice(
            amount: 5, description: "", expiry: nil, hash: Self.hash, cltv: nil)
        func made(_ hash: Digest) -> String {
            #"{"result_type":"make_hold_invoice","result":{"invoice":"lnbc1","amount":5,"payment_hash":"\#(hash.hex)"}}"#
        }
        guard case .transaction(let own) = try read(made(Self.hash), hold) else {
            Issue.record("no invoice")
            return
        }
        #expect(own.invoice == "lnbc1")
        #expect(throws: WalletResponseError.malformed) { try read(made(Digest(hashing: "x")), hold) }
        #expect(
            try read(#"{"result_type":"cancel_hold_invoice","result":{}}"#, .cancelHoldInvoice(Self.hash))
                == .done)
        let found =
            #"{"result_type":"lookup_invoice","result":{"payment_hash":"\#(Self.hash.hex)","amount":5,"preimage":"#
        guard
            case .transaction(let open) = try read(
                found + "\"\"" + #","state":"pending"}}"#, .lookUp(Self.hash)),
            case .transaction(let paid) = try read(
                found + #""\#(Self.preimage)","state":"settled","settled_at":9}}"#, .lookUp(Self.hash))
        else {
            Issue.record("no transaction")
            return
        }
        guard
            case .transaction(let held) = try read(
                found + "\"\"" + #","state":"accepted","settle_deadline":77}}"#, .lookUp(Self.hash))
        else {
            Issue.record("no transaction")
            return
        }
        #expect(held.state == .accepted && held.settleDeadline == 77 && open.settleDeadline == nil)
        #expect(open.preimage == nil && open.state == .pending && open.amount == 5)
        #expect(paid.preimage == [UInt8](repeating: 7, count: 32) && paid.settledAt == 9)
    }

    @Test(arguments: [
        "", "null", "[]", "{}", #"{"result_type":"pay_invoice"}"#,
        #"{"result_type":"get_balance","result":{"balance":1}}"#,
        #"{"result_type":"pay_invoice","result":{}}"#,
        #"{"result_type":"pay_invoice","result":{"preimage":"00"}}"#,
        #"{"result_type":"pay_invoice","error":"no"}"#,
        #"{"result_type":"pay_invoice","result":{"preimage":"\#(preimage)","fees_paid":-1}}"#,
    ])
    func nonsenseIsNoAnswer(_ json: String) {
        #expect(throws: WalletResponseError.malformed) {
            try WalletResponse(json: json, to: .payInvoice("lnbc1", amount: nil))
        }
    }

    /// A wallet that claims payment with a preimage of another hash, or answers for another invoice, is not believed.
    @Test func aWrongPreimageIsNoProof() {
        let other = String(repeating: "08", count: 32)
        for json in [
            #"{"result_type":"lookup_invoice","result":{"payment_hash":"\#(Self.hash.hex)","amount":5,"preimage":"\#(other)"}}"#,
            #"{"result_type":"lookup_invoice","result":{"payment_hash":"\#(other)","amount":5}}"#,
        ] {
            #expect(throws: WalletResponseError.malformed) {
                try WalletResponse(json: json, to: .lookUp(Self.hash))
            }
        }
    }

    @Test func onlyTheAskedWalletsAnswerCounts() throws {
        let (pair, request) = (try Pair(), WalletRequest.balance)
        let sent = try request.event(pair.connection, now: 1_790_000_000)
        let other = try request.event(pair.connection, now: 1_790_000_001)
        let json = #"{"result_type":"get_balance","result":{"balance":1}}"#
        func open(_ event: SignedEvent) throws -> WalletResponse {
            try WalletResponse(event, to: request, sent: sent, pair.connection)
        }
        #expect(try open(pair.answer(json, to: sent)) == .balance(1))
        #expect(throws: WalletResponseError.otherRequest) { try open(pair.answer(json, to: other)) }
        #expect(throws: WalletResponseError.otherAuthor) {
            try open(pair.answer(json, to: sent, by: .generate()))
        }
        #expect(throws: WalletResponseError.wrongKind(1)) { try open(pair.answer(json, to: sent, kind: 1)) }
        let good = try pair.answer(json, to: sent)
        #expect(throws: WalletResponseError.event(.wrongSignature)) {
            try open(SignedEvent(good.template, signature: [UInt8](repeating: 1, count: 64)))
        }
        var garbled = good.template
        garbled.content = "AgAA"
        let event = try pair.wallet.sign(garbled)
        #expect(throws: WalletResponseError.encryption(.payloadLength(4))) { try open(event) }
    }
}
