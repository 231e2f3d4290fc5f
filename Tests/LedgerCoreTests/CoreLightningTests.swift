// Proves that ledger-d speaks to Core Lightning's socket as its schemas say, over a real socket, and takes its answers
// for no more than they are. The other side is a stand-in: no real node was to be had.

import Foundation
import Lightning
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NodeModel
import Testing
import Wire

@testable import LedgerCore

/// A small Core Lightning behind a Unix socket.
private final class ModelNode: Sendable {
    struct State {
        var hasXPay = true
        /// What it does with a payment: its status, or the code of the error; nil: it hangs up.
        var manner: (status: String?, code: Int)? = ("complete", 0)
        var pays: [[String: String]] = []
        var invoices: [[String: String]] = []
        var asked: [(method: String, params: [String: String])] = []
        /// Stands between the node and ledger-d.
        var lie: (@Sendable (String) -> String)?
    }
    let state = NIOLockedValueBox(State())
    private let channel: any Channel

    init(_ path: String) async throws {
        let state = state
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answering(state))
                }
            }.bind(unixDomainSocketPath: path).get()
    }

    func close() async throws { try await channel.close() }
    func change<T>(_ body: (inout State) throws -> T) rethrows -> T { try state.withLockedValue(body) }
    func asked(_ method: String) -> [[String: String]] {
        change { $0.asked.filter { $0.method == method }.map(\.params) }
    }

    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        let state: NIOLockedValueBox<State>
        var text = ""
        init(_ state: NIOLockedValueBox<State>) { self.state = state }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            text += String(buffer: unwrapInboundIn(data))
            guard text.hasSuffix("\n\n") else { return }
            let reply = state.withLockedValue { ModelNode.reply(text, &$0) }
            text = ""
            guard let reply else { return context.close(promise: nil) }
            // In two parts, as a socket may give it.
            let bytes = Array(reply.utf8)
            for part in [bytes.prefix(7), bytes.dropFirst(7)] {
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: part)), promise: nil)
            }
        }
    }

    private static func reply(_ text: String, _ state: inout State) -> String? {
        guard let asked = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
            asked["jsonrpc"] as? String == "2.0", let id = asked["id"] as? Int,
            let method = asked["method"] as? String, let given = asked["params"] as? [String: Any]
        else { return nil }
        let params = given.mapValues { "\($0)" }
        state.asked.append((method, params))
        guard let body = answer(method, params, &state) else { return nil }
        let whole = #"{"jsonrpc":"2.0","id":\#(id),\#(body)}"# + "\n\n"
        return state.lie.map { $0(whole) } ?? whole
    }

    private static func answer(_ method: String, _ params: [String: String], _ state: inout State) -> String?
    {
        let hash = params["payment_hash"] ?? ""
        switch method {
        case "getinfo": return #""result":{"id":"02ab","alias":"A","network":"bitcoin","blockheight":1}"#
        case "listpays":
            return #""result":{"pays":[\#(rows(state.pays, hash))]}"#
        case "listinvoices":
            return #""result":{"invoices":[\#(rows(state.invoices, hash))]}"#
        case "invoice":
            guard let own = KnownInvoice.all.first(where: { $0.memo == params["description"] }) else {
                return nil
            }
            state.invoices.append([
                "payment_hash": "\"\(own.hash)\"", "status": "\"unpaid\"",
                "label": "\"\(params["label"] ?? "")\"",
            ])
            return #""result":{"payment_hash":"\#(own.hash)","bolt11":"\#(own.text)","expires_at":1}"#
        case "xpay" where state.hasXPay, "pay":
            guard let text = params["invstring"] ?? params["bolt11"], let manner = state.manner,
                let known = KnownInvoice.all.first(where: { $0.text == text })
            else { return nil }
            guard let status = manner.status else {
                return #""error":{"code":\#(manner.code),"message":"no way to it"}"#
            }
            let amount = known.amount ?? Int64(params["amount_msat"] ?? "") ?? 0
            state.pays.append([
                "payment_hash": "\"\(known.hash)\"", "status": "\"\(status)\"", "amount_msat": "\(amount)",
                "amount_sent_msat": "\(amount + 77)", "preimage": "\"\(known.preimage)\"",
            ])
            return #""result":{"payment_preimage":"\#(known.preimage)","amount_msat":\#(amount)}"#
        default: return #""error":{"code":-32601,"message":"Unknown command '\#(method)'"}"#
        }
    }

    private static func rows(_ all: [[String: String]], _ hash: String) -> String {
        all.filter { $0["payment_hash"] == "\"\(hash)\"" }.map { row in
            "{" + row.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
        }.joined(separator: ",")
    }
}

@Suite struct CoreLightningTests {
    private func pair() async throws -> (LightningFixture, ModelNode) {
        let place = try DeedFixture()
        let path = place.directory + "/rpc"
        let node = try await ModelNode(path)
        let backend = CoreLightningBackend(
            call: SocketCall(path: path, group: MultiThreadedEventLoopGroup.singleton), network: "bitcoin")
        let fixture = try LightningFixture(place: place, backend: backend)
        try await fixture.funded()
        return (fixture, node)
    }

    @Test func anInvoiceIsPaidOnceAndOneOfItsOwnBooked() async throws {
        let (fixture, node) = try await pair()
        _ = try await fixture.ask("coffee-0")
        _ = try await fixture.ask("open", amount: 4_200)
        await fixture.look()
        #expect(try await fixture.payment("coffee-0").reason.contains("fee 77 msat"))
        #expect(try await fixture.payment("open").state == .settled)
        #expect(try await fixture.wallet() == LightningFixture.fund - 1_000_077 - 4_277)
        let asked = node.asked("xpay")
        // Only the invoice without an amount is given one.
        let fees = Dictionary(uniqueKeysWithValues: asked.map { ($0["amount_msat"] ?? "", $0["maxfee"]) })
        #expect(fees == ["": "20000", "4200": "10042"])
        #expect(asked.allSatisfy { $0["retry_for"] == "15" })
        let own = try await fixture.rail.makeInvoice(amount: 1_234_567, memo: "uneven")
        await fixture.look()
        #expect(try await fixture.ledger.invoices(limit: 3).map(\.state) == [.open])
        let preimage = try KnownInvoice.named("uneven").preimage
        node.change {
            $0.invoices[0]["status"] = "\"paid\""
            $0.invoices[0]["payment_preimage"] = "\"\(preimage)\""
        }
        await fixture.look()
        #expect(
            try await fixture.ledger.invoices(limit: 3).map(\.state) == [.paid] && own.amount == 1_234_567)
        #expect(try await fixture.wallet() == LightningFixture.fund - 1_000_077 - 4_277 + 1_234_567)
        #expect(try await fixture.ledger.audit().faults == [])
        try await node.close()
    }

    @Test func aNodeWithoutXPayIsAskedWithPay() async throws {
        let (fixture, node) = try await pair()
        node.change { $0.hasXPay = false }
        _ = try await fixture.ask("coffee-1")
        await fixture.look()
        #expect(try await fixture.payment("coffee-1").state == .settled)
        #expect(node.asked("pay").count == 1)
        try await node.close()
    }

    @Test func doubtIsLookedUpAndAPlainNoComesBack() async throws {
        let (fixture, node) = try await pair()
        node.change { $0.manner = nil }
        _ = try await fixture.ask("coffee-2")
        await fixture.look(6)
        #expect(node.asked("xpay").count == 1)
        // It failed, and then a second try is under way: what may still pay counts.
        node.change { state in
            state.manner = ("failed", 0)
            state.pays = ["failed", "pending"].map { status in
                [
                    "payment_hash": "\"\((try? KnownInvoice.named("coffee-2").hash) ?? "")\"",
                    "status": "\"\(status)\"", "amount_sent_msat": "5",
                ]
            }
        }
        await fixture.look(3)
        #expect(try await fixture.payment("coffee-2").state == .answered)
        node.change { $0.pays[1]["status"] = "\"failed\"" }
        fixture.wait(60)
        await fixture.look()
        #expect(try await fixture.payment("coffee-2").state == .failed)
        node.change { $0.manner = (nil, 205) }
        _ = try await fixture.ask("coffee-3")
        await fixture.look()
        #expect(try await fixture.payment("coffee-3").reason == "the node: no way to it")
        #expect(try await fixture.wallet() == LightningFixture.fund)
        try await node.close()
        await fixture.look()
        #expect(await fixture.rail.standing.ok == false)
    }

    @Test func answersToOtherQuestionsMoveNothing() async throws {
        let (fixture, node) = try await pair()
        _ = try await fixture.ask("coffee-4")
        let (hash, other) = (
            try KnownInvoice.named("coffee-4").hash, try KnownInvoice.named("coffee-5")
        )
        let lies: [@Sendable (String) -> String] = [
            { $0.replacingOccurrences(of: "\"id\":", with: "\"id\":1") },
            { $0.replacingOccurrences(of: "\"2.0\"", with: "\"1.0\"") },
            { _ in "nonsense\n\n" },
            {
                $0.replacingOccurrences(
                    of: "[]", with: #"[{"payment_hash":"\#(other.hash)","status":"complete"}]"#)
            },
            {
                $0.replacingOccurrences(
                    of: "[]",
                    with:
                        #"[{"payment_hash":"\#(hash)","status":"complete","preimage":"\#(other.preimage)"}]"#)
            },
        ]
        for lie in lies {
            node.change { $0.lie = lie }
            await fixture.look()
            #expect(try await fixture.payment("coffee-4").state == .asked)
        }
        #expect(node.asked("xpay").isEmpty)
        node.change { $0.lie = { $0.replacingOccurrences(of: "\"bitcoin\"", with: "\"testnet\"") } }
        await #expect(throws: LightningTrouble.self) { try await fixture.rail.backend.standing() }
        try await node.close()
    }
}
