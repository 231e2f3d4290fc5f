// From bech32 to a proven invoice, as BOLT 11 asks of a reader: what is malformed is refused, what is unknown or of
// another length is skipped. It must never give out an invoice whose signature does not hold.

import NodeModel

extension Invoice {
    /// The longest invoice that is read, in characters: several times what wallets can show.
    public static let longest = 8_000
    /// 64 bytes of signature and one of recovery id, in five-bit words.
    private static let signatureWords = 104
    private static let timestampWords = 7

    /// Reads an invoice; a leading `lightning:` is allowed.
    ///
    /// - Throws: `InvoiceError`, naming the first rule that was broken.
    public init(_ text: String) throws(InvoiceError) {
        let (prefix, words) = try Self.words(text)
        let amount = try InvoiceAmount(prefix: prefix)
        guard words.count >= Self.timestampWords + Self.signatureWords else { throw .truncated }
        let signed = words.dropLast(Self.signatureWords)
        let fields = try InvoiceFields(signed.dropFirst(Self.timestampWords))

        guard let hash = fields.paymentHash else { throw .missingField("p") }
        guard let secret = fields.paymentSecret else { throw .missingField("s") }
        guard let purpose = fields.purpose else { throw .missingField("d") }
        payee = try Self.payee(
            signature: words.suffix(Self.signatureWords),
            digest: Digest(hashing: Array(prefix.utf8) + Bech32.paddedBytes(ofWords: signed)),
            named: fields.payee)

        network = amount.network
        self.amount = amount.amount
        createdAt = signed.prefix(Self.timestampWords).reduce(0) { $0 << 5 | UInt64($1) }
        expiry = fields.expiry ?? Self.defaultExpiry
        paymentHash = hash
        paymentSecret = secret
        self.purpose = purpose
        minFinalCLTV = fields.minFinalCLTV ?? 18
        features = fields.features
        fallbacks = fields.fallbacks
        routes = fields.routes
        metadata = fields.metadata
    }

    private static func words(_ text: String) throws(InvoiceError) -> (prefix: String, words: [UInt8]) {
        let scheme = "lightning:"
        let bare =
            text.prefix(scheme.count).lowercased() == scheme ? String(text.dropFirst(scheme.count)) : text
        do { return try Bech32.decodeWords(bare, longest: longest) } catch { throw .bech32(error) }
    }

    /// Who signed; a key that the invoice names must have, with the one form that a signature then has.
    private static func payee(
        signature words: ArraySlice<UInt8>, digest: Digest, named: ECDSAPublicKey?
    ) throws(InvoiceError) -> ECDSAPublicKey {
        guard let bytes = Bech32.bytes(ofWords: words), let recoveryID = bytes.last,
            let signature = RecoverableSignature(compact: Array(bytes.dropLast()), recoveryID: recoveryID)
        else { throw .badSignature }
        if let named {
            guard named.verify(compact: signature.compact, digest: digest.bytes) else { throw .badSignature }
            return named
        }
        guard let signer = signature.signer(of: digest.bytes) else { throw .badSignature }
        return signer
    }
}
