// Who may call what. This table is the only place; what is absent is denied, and where no row is, no socket is.
// It must never grant by a pattern: each right is written out.

import Interfaces
public import Wire

/// Rights of one process at another.
public struct Grant: Sendable, Hashable {
    public let caller: Role
    public let callee: Role
    public let methods: Set<String>
}

/// The table of grants.
public enum Grants {
    /// What the supervisor asks of every daemon.
    static let care: [MethodSpec] = [
        ControlInterface.Health.spec, ControlInterface.Version.spec, ControlInterface.Metrics.spec,
        ControlInterface.Drain.spec, ControlInterface.Ping.spec, ControlInterface.Process.spec,
        ControlInterface.Exit.spec,
    ]
    /// What a person may ask of every daemon.
    static let hand: [MethodSpec] = [
        ControlInterface.Health.spec, ControlInterface.Version.spec, ControlInterface.Metrics.spec,
        ControlInterface.SetLogLevel.spec, ControlInterface.Ping.spec, ControlInterface.Process.spec,
    ]

    public static let all: [Grant] = [
        row(.supervisor, .ledger, care), row(.supervisor, .content, care), row(.supervisor, .exec, care),
        row(.supervisor, .dht, care), row(.supervisor, .ws, care),
        row(.supervisor, .aggregator, care + [AggregatorInterface.Admit.spec]),

        row(.ctl, .supervisor, SupervisorInterface.methods),
        row(
            .ctl, .ledger,
            hand + [
                LedgerInterface.Identity.spec, LedgerInterface.Balance.spec, LedgerInterface.History.spec,
                LedgerInterface.Policy.spec, LedgerInterface.Audit.spec, LedgerInterface.Backup.spec,
                LedgerInterface.Restore.spec, LedgerInterface.RotateKey.spec,
                LedgerInterface.Successions.spec, LedgerInterface.Pay.spec, LedgerInterface.Payments.spec,
                LedgerInterface.Accounts.spec, LedgerInterface.PayInvoice.spec,
                LedgerInterface.MakeInvoice.spec, LedgerInterface.Invoices.spec,
                LedgerInterface.Earnings.spec, LedgerInterface.OpenChannel.spec,
                LedgerInterface.LeaveChannel.spec, LedgerInterface.Channels.spec,
                LedgerInterface.Reconcile.spec,
                LedgerInterface.Buy.spec, LedgerInterface.Sales.spec, LedgerInterface.AskCredit.spec,
                LedgerInterface.PayCredit.spec, LedgerInterface.WithdrawCredit.spec,
                LedgerInterface.Credits.spec,
            ]),
        row(.ctl, .content, hand + ContentInterface.methods),
        row(.ctl, .exec, hand + [ExecInterface.Inventory.spec, ExecInterface.StopEngine.spec]),
        row(
            .ctl, .dht,
            hand + [
                DHTInterface.Find.spec, DHTInterface.Describe.spec, DHTInterface.Probe.spec,
                DHTInterface.Stats.spec,
            ] + DHTInterface.mainline),
        row(
            .ctl, .aggregator,
            hand + [
                AggregatorInterface.Submit.spec, AggregatorInterface.Jobs.spec, AggregatorInterface.Job.spec,
                AggregatorInterface.Receipt.spec, AggregatorInterface.Models.spec,
                AggregatorInterface.Plan.spec, AggregatorInterface.Reputation.spec,
                AggregatorInterface.Publish.spec, AggregatorInterface.AskRefund.spec,
            ]),
        row(
            .ctl, .ws, hand + [WSInterface.Sessions.spec, WSInterface.Credit.spec, WSInterface.DialBack.spec]),

        row(.ws, .supervisor, [SupervisorInterface.Metrics.spec, SupervisorInterface.Health.spec]),
        row(
            .ws, .ledger,
            [
                LedgerInterface.Identity.spec, LedgerInterface.SignPeerAuth.spec,
                LedgerInterface.SignRelayAuth.spec,
            ]),
        row(
            .ws, .aggregator,
            [
                AggregatorInterface.Submit.spec, AggregatorInterface.Models.spec,
                AggregatorInterface.Serve.spec,
                AggregatorInterface.Accepted.spec, AggregatorInterface.Sell.spec,
                AggregatorInterface.Sold.spec, AggregatorInterface.Refund.spec,
                AggregatorInterface.Credit.spec, AggregatorInterface.Quote.spec,
                AggregatorInterface.TopUp.spec,
            ]),

        row(.ledger, .ws, [WSInterface.Carry.spec, WSInterface.Relay.spec, WSInterface.Shop.spec]),

        row(
            .aggregator, .ledger,
            [
                LedgerInterface.Identity.spec, LedgerInterface.SignCard.spec, LedgerInterface.SignStatus.spec,
                LedgerInterface.SignDescriptor.spec,
                LedgerInterface.TakeJob.spec, LedgerInterface.SignReceipt.spec,
                LedgerInterface.AcceptReceipt.spec, LedgerInterface.RecordAcceptance.spec,
                LedgerInterface.SignCounterfoil.spec, LedgerInterface.SignEvidence.spec,
                LedgerInterface.WrapKey.spec, LedgerInterface.PayTerms.spec,
                LedgerInterface.PromisePrice.spec, LedgerInterface.ReleasePrice.spec,
                LedgerInterface.TakeSale.spec, LedgerInterface.SettleSale.spec, LedgerInterface.EndSale.spec,
                LedgerInterface.Resume.spec, LedgerInterface.AskRefund.spec, LedgerInterface.GiveRefund.spec,
                LedgerInterface.ServeCredit.spec, LedgerInterface.SignQuote.spec,
                LedgerInterface.TopUp.spec, LedgerInterface.TakeTopUp.spec,
                LedgerInterface.BookOwn.spec, LedgerInterface.FindOwn.spec,
            ]),
        row(.aggregator, .content, [ContentInterface.List.spec]),
        row(
            .aggregator, .exec,
            [
                ExecInterface.Run.spec, ExecInterface.Inventory.spec, ExecInterface.Score.spec,
                ExecInterface.Allow.spec,
            ]),
        row(
            .aggregator, .dht,
            [
                DHTInterface.Announce.spec, DHTInterface.Withdraw.spec, DHTInterface.Find.spec,
                DHTInterface.Probe.spec, DHTInterface.Testify.spec, DHTInterface.Testimony.spec,
            ]),
        row(
            .aggregator, .ws,
            [
                WSInterface.RunJob.spec, WSInterface.DeliverAcceptance.spec, WSInterface.Relay.spec,
                WSInterface.AskRefund.spec, WSInterface.Quote.spec, WSInterface.Credit.spec,
                WSInterface.TopUp.spec,
            ]),

        row(.dht, .aggregator, [AggregatorInterface.Status.spec]),

        row(.exec, .content, [ContentInterface.List.spec, ContentInterface.Resolve.spec]),
        row(.exec, .ledger, [LedgerInterface.UnwrapKey.spec]),
    ]

    /// Every method that a process serves.
    public static func served(by role: Role) -> [MethodSpec] {
        switch role {
        case .supervisor: SupervisorInterface.methods
        case .ledger: ControlInterface.methods + LedgerInterface.methods
        case .content: ControlInterface.methods + ContentInterface.methods
        case .exec: ControlInterface.methods + ExecInterface.methods
        case .dht: ControlInterface.methods + DHTInterface.methods
        case .aggregator: ControlInterface.methods + AggregatorInterface.methods
        case .ws: ControlInterface.methods + WSInterface.methods
        case .ctl: []
        }
    }

    /// Who has any right at a process: each has a socket of its own there.
    public static func callers(of callee: Role) -> [Role] {
        all.filter { $0.callee == callee }.map(\.caller)
    }

    /// Whether a caller may use a method. `hello` is everybody's who has a socket.
    public static func allows(_ caller: Role, at callee: Role, _ method: String) -> Bool {
        if method == Hello.spec.name { return true }
        return all.contains { $0.caller == caller && $0.callee == callee && $0.methods.contains(method) }
    }

    private static func row(_ caller: Role, _ callee: Role, _ methods: [MethodSpec]) -> Grant {
        Grant(caller: caller, callee: callee, methods: Set(methods.map(\.name)))
    }
}
