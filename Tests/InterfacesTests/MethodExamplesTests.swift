// Proves that every method has an example that survives the wire, and that the recorded wire format has not drifted.

import Foundation
import Interfaces
import NodeModel
import Testing
import Wire

/// One method's example as it travels.
struct Sample: Sendable {
    let spec: MethodSpec
    let request: String
    let reply: String
    let event: String?
    let roundTrip: @Sendable () throws -> Bool

    init<R: Request>(_ type: R.Type) {
        let example = R.example
        spec = R.spec
        request = Self.json(example.request)
        reply = Self.json(example.reply)
        event = nil
        roundTrip = {
            try Self.survives(example.request) && Self.survives(example.reply)
        }
    }

    init<R: StreamRequest>(stream type: R.Type) {
        let example = R.example
        spec = R.spec
        request = Self.json(example.request)
        reply = Self.json(example.reply)
        event = Self.json(R.eventExample)
        roundTrip = {
            try Self.survives(example.request) && Self.survives(example.reply)
                && Self.survives(R.eventExample)
        }
    }

    private static func json(_ value: some WireValue) -> String {
        (try? value.jsonBytes()).map { String(decoding: $0, as: UTF8.self) } ?? "does not encode"
    }

    private static func survives<V: WireValue>(_ value: V) throws -> Bool {
        let bytes = try value.jsonBytes()
        return try V.fromJSON(bytes).jsonBytes() == bytes
    }
}

/// Every method of every interface.
let samples: [Sample] = [
    Sample(Hello.self),
    Sample(ControlInterface.Health.self), Sample(ControlInterface.Version.self),
    Sample(ControlInterface.Metrics.self), Sample(ControlInterface.Drain.self),
    Sample(ControlInterface.SetLogLevel.self), Sample(ControlInterface.Ping.self),
    Sample(ControlInterface.Process.self), Sample(ControlInterface.Exit.self),
    Sample(SupervisorInterface.Status.self), Sample(SupervisorInterface.Restart.self),
    Sample(SupervisorInterface.Shutdown.self), Sample(stream: SupervisorInterface.Logs.self),
    Sample(SupervisorInterface.Metrics.self), Sample(SupervisorInterface.Health.self),
    Sample(SupervisorInterface.ShowConfig.self), Sample(SupervisorInterface.Privileges.self),
    Sample(LedgerInterface.Pay.self), Sample(LedgerInterface.Payments.self),
    Sample(LedgerInterface.Accounts.self),
    Sample(LedgerInterface.PayTerms.self), Sample(LedgerInterface.PromisePrice.self),
    Sample(LedgerInterface.ReleasePrice.self), Sample(LedgerInterface.OpenChannel.self),
    Sample(LedgerInterface.LeaveChannel.self), Sample(LedgerInterface.Channels.self),
    Sample(LedgerInterface.Reconcile.self),
    Sample(LedgerInterface.TakeSale.self), Sample(LedgerInterface.SettleSale.self),
    Sample(LedgerInterface.Sales.self), Sample(LedgerInterface.AskRefund.self),
    Sample(LedgerInterface.GiveRefund.self),
    Sample(PeerInterface.Refund.self), Sample(WSInterface.AskRefund.self),
    Sample(AggregatorInterface.AskRefund.self), Sample(AggregatorInterface.Refund.self),
    Sample(LedgerInterface.EndSale.self), Sample(LedgerInterface.Resume.self),
    Sample(stream: AggregatorInterface.Sell.self),
    Sample(AggregatorInterface.Sold.self),
    Sample(LedgerInterface.PayInvoice.self), Sample(LedgerInterface.MakeInvoice.self),
    Sample(LedgerInterface.Invoices.self), Sample(WSInterface.Carry.self), Sample(WSInterface.Relay.self),
    Sample(WSInterface.Shop.self), Sample(LedgerInterface.Buy.self),
    Sample(LedgerInterface.AskCredit.self), Sample(LedgerInterface.PayCredit.self),
    Sample(LedgerInterface.WithdrawCredit.self), Sample(LedgerInterface.ServeCredit.self),
    Sample(LedgerInterface.Credits.self), Sample(WSInterface.Credit.self), Sample(PeerInterface.Credit.self),
    Sample(AggregatorInterface.Credit.self),
    Sample(LedgerInterface.SignQuote.self), Sample(PeerInterface.Quote.self), Sample(WSInterface.Quote.self),
    Sample(PeerInterface.DialBack.self), Sample(WSInterface.DialBack.self),
    Sample(AggregatorInterface.Quote.self),
    Sample(LedgerInterface.TopUp.self), Sample(LedgerInterface.TakeTopUp.self),
    Sample(PeerInterface.TopUp.self),
    Sample(WSInterface.TopUp.self), Sample(AggregatorInterface.TopUp.self), Sample(ExecInterface.Allow.self),
    Sample(LedgerInterface.SignRelayAuth.self), Sample(LedgerInterface.Earnings.self),
    Sample(AggregatorInterface.Publish.self),
    Sample(SupervisorInterface.Drain.self), Sample(AggregatorInterface.Admit.self),
    Sample(AggregatorInterface.Status.self), Sample(LedgerInterface.SignStatus.self),
    Sample(DHTInterface.Testify.self), Sample(DHTInterface.Testimony.self),
    Sample(DHTInterface.Probe.self), Sample(AggregatorInterface.Reputation.self),
    Sample(stream: ContentInterface.Import.self), Sample(ContentInterface.List.self),
    Sample(ContentInterface.Resolve.self), Sample(ContentInterface.Verify.self),
    Sample(ContentInterface.Remove.self),
    Sample(LedgerInterface.Identity.self), Sample(LedgerInterface.SignPeerAuth.self),
    Sample(LedgerInterface.SignDescriptor.self), Sample(DHTInterface.Describe.self),
    Sample(LedgerInterface.SignCard.self), Sample(LedgerInterface.SignReceipt.self),
    Sample(LedgerInterface.SignCounterfoil.self), Sample(LedgerInterface.SignEvidence.self),
    Sample(LedgerInterface.AcceptReceipt.self), Sample(LedgerInterface.RecordAcceptance.self),
    Sample(LedgerInterface.BookOwn.self), Sample(LedgerInterface.FindOwn.self),
    Sample(LedgerInterface.WrapKey.self), Sample(LedgerInterface.UnwrapKey.self),
    Sample(LedgerInterface.Balance.self), Sample(LedgerInterface.History.self),
    Sample(LedgerInterface.TakeJob.self), Sample(LedgerInterface.Policy.self),
    Sample(LedgerInterface.Audit.self),
    Sample(LedgerInterface.Backup.self), Sample(LedgerInterface.Restore.self),
    Sample(LedgerInterface.RotateKey.self), Sample(LedgerInterface.Successions.self),
    Sample(stream: ExecInterface.Run.self), Sample(ExecInterface.Inventory.self),
    Sample(ExecInterface.StopEngine.self), Sample(ExecInterface.Score.self),
    Sample(DHTInterface.Announce.self), Sample(DHTInterface.Withdraw.self), Sample(DHTInterface.Find.self),
    Sample(DHTInterface.Stats.self), Sample(DHTInterface.GetPeers.self),
    Sample(DHTInterface.AnnouncePeer.self),
    Sample(DHTInterface.GetItem.self), Sample(DHTInterface.PutItem.self),
    Sample(stream: WSInterface.RunJob.self), Sample(WSInterface.DeliverAcceptance.self),
    Sample(WSInterface.Sessions.self),
    Sample(stream: PeerInterface.RunJob.self), Sample(PeerInterface.DeliverAcceptance.self),
    Sample(stream: AggregatorInterface.Submit.self), Sample(stream: AggregatorInterface.Serve.self),
    Sample(AggregatorInterface.Accepted.self), Sample(AggregatorInterface.Jobs.self),
    Sample(AggregatorInterface.Job.self), Sample(AggregatorInterface.Receipt.self),
    Sample(AggregatorInterface.Models.self), Sample(AggregatorInterface.Plan.self),
]

@Suite struct MethodExamplesTests {
    @Test func everyDeclaredMethodHasASample() {
        let declared =
            [Hello.spec] + ControlInterface.methods + SupervisorInterface.methods + ContentInterface.methods
            + LedgerInterface.methods + ExecInterface.methods + DHTInterface.methods + WSInterface.methods
            + PeerInterface.methods + AggregatorInterface.methods
        #expect(Set(declared.map(\.name)) == Set(samples.map(\.spec.name)))
        #expect(Set(declared.map(\.name)).count == declared.count, "two methods share a name")
    }

    @Test(arguments: samples.indices) func examplesSurviveTheWire(_ index: Int) throws {
        #expect(try samples[index].roundTrip(), "\(samples[index].spec.name)")
    }

    /// What travels inside `peer.run_job`, where only its two ends can read it.
    private static var sealed: [(String, String)] {
        get throws {
            let request = InferenceRequest(
                model: "smollm2-135m-instruct",
                messages: [
                    ChatMessage(role: "user", content: "When?"),
                    ChatMessage(
                        role: "assistant", content: "",
                        calls: [ToolCall(id: "call_1", name: "now", arguments: "{}")]),
                    ChatMessage(role: "tool", content: "noon", answers: "call_1"),
                ], sampling: Sampling(logitBias: ["28": -1.5]),
                tools: ToolUse(
                    tools: [Tool(name: "now", description: "d", parameters: "{}")], choice: .required,
                    only: "now",
                    parallel: false))
            let pieces = [
                AnswerPiece(calls: [.init(index: 0, id: "call_2", name: "now")]),
                AnswerPiece(calls: [.init(index: 0, arguments: "{}")]),
                AnswerPiece(
                    text: "x",
                    tokens: [
                        .init(
                            chosen: .init(token: "x", bytes: [120], logprob: -0.25),
                            top: [.init(token: "y", bytes: [121], logprob: -9_999)])
                    ]),
            ]
            let written = String(decoding: try request.jsonBytes(), as: UTF8.self)
            return [("a request with functions", written)]
                + (try pieces.map { ("a piece of an answer", try $0.written()) })
        }
    }

    /// The recorded form is what other builds and other languages rely on. A change here is a change of the
    /// protocol: record it on purpose with INFERNET_RECORD=1, and look at the difference.
    @Test func theWireFormatIsAsRecorded() throws {
        var text = ""
        for sample in samples.sorted(by: { $0.spec.name < $1.spec.name }) {
            text += "\(sample.spec.name)\n  request \(sample.request)\n"
            if let event = sample.event { text += "  event   \(event)\n" }
            text += "  reply   \(sample.reply)\n"
        }
        for (name, sealed) in try Self.sealed {
            text += "\(name)\n  sealed  \(sealed)\n"
        }
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Golden/wire.txt")
        if ProcessInfo.processInfo.environment["INFERNET_RECORD"] != nil {
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        let recorded = try String(contentsOf: file, encoding: .utf8)
        #expect(text == recorded, "the wire format changed; see Golden/wire.txt")
    }
}
