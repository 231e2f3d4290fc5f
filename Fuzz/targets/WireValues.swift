// Every value of every method, as the wire brings it: requests, replies and events.
// It must never leave one out: a method that is missing here is a door that nobody tries.

import Interfaces
import Wire

/// Reads one kind of value.
struct ValueReader: Sendable {
    let name: String
    let read: @Sendable ([UInt8]) -> Void

    init<V: WireValue>(_ spec: MethodSpec, _ part: String, _ type: V.Type) {
        name = "\(spec.name) \(part)"
        // Pieces of an answer, and what measures the wire.
        let isItsOwn = part == "event" || spec.name == ControlInterface.Ping.spec.name
        read = { bytes in
            let value = try? V.fromJSON(bytes)
            if !isItsOwn {
                let codable = try? bytes.withUnsafeBytes { try V.readByCodable($0) }
                precondition(
                    value.flatMap(byCodable) == codable.flatMap(byCodable),
                    "what is read by hand is another value")
            }
            guard let value else { return }
            // What was accepted can be sent on, and comes out as the same bytes from then on.
            guard let once = try? value.jsonBytes(), let again = try? V.fromJSON(once) else {
                preconditionFailure("what was read cannot be sent on")
            }
            precondition((try? again.jsonBytes()) == once, "a value changed by being sent on")
            precondition(isItsOwn || byCodable(value) == once, "what is written by hand is another value")
        }
    }
}

/// A value as Codable writes it.
private func byCodable(_ value: some WireValue) -> [UInt8]? {
    var writer = JSONWriter()
    return (try? value.writeByCodable(to: &writer)).map { writer.bytes }
}

private func of<R: Request>(_ type: R.Type) -> [ValueReader] {
    [ValueReader(R.spec, "request", R.self), ValueReader(R.spec, "reply", R.Reply.self)]
}

private func of<R: StreamRequest>(stream type: R.Type) -> [ValueReader] {
    of(type) + [ValueReader(R.spec, "event", R.Event.self)]
}

let readersByName = Dictionary(uniqueKeysWithValues: readers.map { ($0.name, $0) })

let readers: [ValueReader] =
    hello + control + supervisor + content + ledger + exec + dht + ws + peer + aggregator

private let hello: [ValueReader] = [
    of(Hello.self)
].flatMap { $0 }
private let control: [ValueReader] = [
    of(ControlInterface.Health.self),
    of(ControlInterface.Version.self),
    of(ControlInterface.Metrics.self),
    of(ControlInterface.Drain.self),
    of(ControlInterface.SetLogLevel.self),
    of(ControlInterface.Ping.self),
    of(ControlInterface.Process.self), of(ControlInterface.Exit.self),
].flatMap { $0 }
private let supervisor: [ValueReader] = [
    of(SupervisorInterface.Status.self),
    of(SupervisorInterface.Restart.self),
    of(SupervisorInterface.Shutdown.self),
    of(stream: SupervisorInterface.Logs.self),
    of(SupervisorInterface.Metrics.self),
    of(SupervisorInterface.Health.self),
    of(SupervisorInterface.ShowConfig.self),
    of(SupervisorInterface.Drain.self), of(SupervisorInterface.Privileges.self),
].flatMap { $0 }
private let content: [ValueReader] = [
    of(stream: ContentInterface.Import.self),
    of(ContentInterface.List.self),
    of(ContentInterface.Resolve.self),
    of(ContentInterface.Verify.self),
    of(ContentInterface.Remove.self),
].flatMap { $0 }
private let ledger: [ValueReader] = [
    of(LedgerInterface.Identity.self),
    of(LedgerInterface.SignPeerAuth.self),
    of(LedgerInterface.SignCard.self),
    of(LedgerInterface.SignReceipt.self),
    of(LedgerInterface.AcceptReceipt.self),
    of(LedgerInterface.RecordAcceptance.self),
    of(LedgerInterface.BookOwn.self), of(LedgerInterface.FindOwn.self),
    of(LedgerInterface.WrapKey.self),
    of(LedgerInterface.UnwrapKey.self),
    of(LedgerInterface.Balance.self),
    of(LedgerInterface.History.self),
    of(LedgerInterface.TakeJob.self),
    of(LedgerInterface.Policy.self),
    of(LedgerInterface.Audit.self),
    of(LedgerInterface.Backup.self),
    of(LedgerInterface.Restore.self),
    of(LedgerInterface.RotateKey.self),
    of(LedgerInterface.Successions.self),
    of(LedgerInterface.Pay.self),
    of(LedgerInterface.Payments.self),
    of(LedgerInterface.Accounts.self),
    of(LedgerInterface.SignStatus.self),
    of(LedgerInterface.SignDescriptor.self),
    of(LedgerInterface.PayTerms.self),
    of(LedgerInterface.PromisePrice.self),
    of(LedgerInterface.ReleasePrice.self),
    of(LedgerInterface.OpenChannel.self),
    of(LedgerInterface.LeaveChannel.self),
    of(LedgerInterface.Reconcile.self),
    of(LedgerInterface.Channels.self),
    of(LedgerInterface.TakeSale.self),
    of(LedgerInterface.SettleSale.self),
    of(LedgerInterface.EndSale.self),
    of(LedgerInterface.Resume.self),
    of(LedgerInterface.Buy.self),
    of(WSInterface.Shop.self),
    of(stream: AggregatorInterface.Sell.self),
    of(AggregatorInterface.Sold.self),
    of(LedgerInterface.SignCounterfoil.self), of(LedgerInterface.SignEvidence.self),
    of(LedgerInterface.AskCredit.self), of(LedgerInterface.PayCredit.self),
    of(LedgerInterface.WithdrawCredit.self), of(LedgerInterface.ServeCredit.self),
    of(LedgerInterface.Credits.self), of(AggregatorInterface.Credit.self),
    of(LedgerInterface.MakeInvoice.self), of(LedgerInterface.Invoices.self),
    of(LedgerInterface.PayInvoice.self),
].flatMap { $0 }
private let exec: [ValueReader] = [
    of(stream: ExecInterface.Run.self),
    of(ExecInterface.Inventory.self),
    of(ExecInterface.StopEngine.self), of(ExecInterface.Score.self),
].flatMap { $0 }
private let dht: [ValueReader] = [
    of(DHTInterface.Announce.self),
    of(DHTInterface.Withdraw.self),
    of(DHTInterface.Find.self),
    of(DHTInterface.Stats.self),
    of(DHTInterface.GetPeers.self),
    of(DHTInterface.AnnouncePeer.self),
    of(DHTInterface.GetItem.self),
    of(DHTInterface.PutItem.self),
    of(DHTInterface.Probe.self),
    of(DHTInterface.Testify.self), of(DHTInterface.Testimony.self),
    of(DHTInterface.Describe.self),
].flatMap { $0 }
private let ws: [ValueReader] = [
    of(stream: WSInterface.RunJob.self),
    of(WSInterface.DeliverAcceptance.self),
    of(LedgerInterface.AskRefund.self),
    of(LedgerInterface.Sales.self),
    of(LedgerInterface.GiveRefund.self),
    of(PeerInterface.Refund.self),
    of(WSInterface.AskRefund.self),
    of(AggregatorInterface.AskRefund.self),
    of(AggregatorInterface.Refund.self),
    of(WSInterface.Credit.self), of(WSInterface.Quote.self), of(LedgerInterface.SignQuote.self),
    of(WSInterface.TopUp.self), of(LedgerInterface.TopUp.self), of(LedgerInterface.TakeTopUp.self),
    of(WSInterface.Sessions.self),
    of(WSInterface.Carry.self), of(WSInterface.Relay.self), of(LedgerInterface.SignRelayAuth.self),
    of(LedgerInterface.Earnings.self),
    of(AggregatorInterface.Publish.self),
].flatMap { $0 }
private let peer: [ValueReader] = [
    of(stream: PeerInterface.RunJob.self),
    of(PeerInterface.DeliverAcceptance.self),
    of(PeerInterface.Credit.self), of(PeerInterface.Quote.self), of(AggregatorInterface.Quote.self),
    of(PeerInterface.TopUp.self), of(AggregatorInterface.TopUp.self), of(ExecInterface.Allow.self),
    of(PeerInterface.DialBack.self), of(WSInterface.DialBack.self),
].flatMap { $0 }
private let aggregator: [ValueReader] = [
    of(stream: AggregatorInterface.Submit.self),
    of(stream: AggregatorInterface.Serve.self),
    of(AggregatorInterface.Accepted.self),
    of(AggregatorInterface.Jobs.self),
    of(AggregatorInterface.Job.self),
    of(AggregatorInterface.Receipt.self),
    of(AggregatorInterface.Models.self),
    of(AggregatorInterface.Plan.self),
    of(AggregatorInterface.Status.self),
    of(AggregatorInterface.Reputation.self),
    of(AggregatorInterface.Admit.self),
].flatMap { $0 }
