// The Nostr kinds that Infernet uses, in one place (NIP-01 ranges: 1000-9999 regular, 30000-39999 addressable).
// It must never reuse a number for another meaning.

/// Kinds of signed events.
public enum EventKind {
    /// A provider's receipt for one job; content: canonical JSON of `ReceiptBody`.
    public static let receipt = 7860
    /// A client's acceptance of a receipt; tag `e` names the receipt.
    public static let acceptance = 7861
    /// A key names the one that takes its place; tag `p` is the successor.
    public static let succession = 7862
    /// The end of a ledger's chain at the end of a day; content: canonical JSON.
    public static let ledgerHead = 7863
    /// A provider's second signature under a receipt, which tells that it worked for a client and not what; see `Counterfoil`.
    public static let counterfoil = 7864
    /// A client's word on a provider's work, with the provider's counterfoil in it; see `Evidence`.
    public static let evidence = 7865
    /// A client wants credit of a provider, or what is left of it back; see `CreditRequest`.
    public static let creditRequest = 7868
    /// A provider's word that an invoice, once paid, is credit of a client; see `CreditOffer`.
    public static let creditOffer = 7869
    /// A client draws on its credit for one job; see `CreditNote`.
    public static let creditNote = 7870
    /// A provider's word on what one job of one client costs; see `Quote`.
    public static let quote = 7871
    /// An encrypted unsigned event, by its author (NIP-59).
    public static let seal = 13
    /// A seal under a key that is used once (NIP-59).
    public static let giftWrap = 1059
    /// The same, not kept by relays (NIP-59).
    public static let ephemeralGiftWrap = 21059
    /// What a wallet service can do; replaceable (NIP-47).
    public static let walletInfo = 13194
    /// A request to a wallet service (NIP-47).
    public static let walletRequest = 23194
    /// A wallet service's answer (NIP-47).
    public static let walletResponse = 23195
    /// What a wallet service tells unasked (NIP-47).
    public static let walletNotification = 23197
    /// Authentication to a peer (NIP-42).
    public static let authentication = 22242
    /// HTTP authentication (NIP-98).
    public static let httpAuthentication = 27235
    /// A provider's status, for the one who asked; ephemeral.
    public static let status = 27860
    /// A provider's card; addressable, one per provider.
    public static let card = 31860
    /// All that a provider says of itself; addressable, one per provider; content: canonical JSON.
    public static let descriptor = 31861
}
