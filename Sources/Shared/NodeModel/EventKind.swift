// The Nostr kinds that Infernet uses, in one place (NIP-01 ranges: 1000-9999 regular, 30000-39999 addressable).
// It must never reuse a number for another meaning.

/// Kinds of signed events.
public enum EventKind {
    /// A provider's receipt for one job; content: canonical JSON of `ReceiptBody`.
    public static let receipt = 7860
    /// A client's acceptance of a receipt; tag `e` names the receipt.
    public static let acceptance = 7861
    /// Authentication to a peer (NIP-42).
    public static let authentication = 22242
    /// HTTP authentication (NIP-98).
    public static let httpAuthentication = 27235
    /// A provider's card; addressable, one per provider.
    public static let card = 31860
}
