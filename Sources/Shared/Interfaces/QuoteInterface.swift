// The way of a quote: a client asks a provider what a job costs, and the provider's ledger-d says it under its key.
// It must never reserve anything: a quote is a price that holds for a while, and no place in line.

public import NodeModel
public import Wire

extension LedgerInterface {
    static var exampleTerms: QuoteTerms {
        QuoteTerms(
            job: exampleBody.job, modelRoot: exampleBody.modelRoot, payload: Digest(hashing: ""), size: 1_024,
            unitPrice: UnitPrice(asset: exampleToken, prompt: 1, completion: 2), maxTokens: 64)
    }

    /// Signs what one job of one client costs at most.
    public struct SignQuote: Request {
        public static let spec = MethodSpec(
            "ledger.sign_quote", idempotent: true, "Signs what a client's job costs at most.")
        public typealias Reply = SignedEvent
        public var client: PublicKey
        public var terms: QuoteTerms
        /// How many tokens of the answer one voucher pays; one pays for all of a shorter answer, and where none pay.
        public var chunk: Int?
        public init(client: PublicKey, terms: QuoteTerms, chunk: Int? = nil) {
            self.client = client
            self.chunk = chunk
            self.terms = terms
        }
        public static var example: (request: SignQuote, reply: SignedEvent) {
            (SignQuote(client: exampleKey, terms: exampleTerms), exampleEvent)
        }
    }
}

extension PeerInterface {
    /// Asks a provider what a job costs; answered with an event of kind 7871.
    public struct Quote: Request {
        public static let spec = MethodSpec(
            "peer.quote", deadlineMs: 5_000, idempotent: true, "Asks what a job costs at most.")
        public typealias Reply = SignedEvent
        /// The model's name, as the provider's card has it.
        public var model: String
        public var terms: QuoteTerms
        public init(model: String, terms: QuoteTerms) {
            self.model = model
            self.terms = terms
        }
        public static var example: (request: Quote, reply: SignedEvent) {
            (
                Quote(model: LedgerInterface.exampleBody.model, terms: LedgerInterface.exampleTerms),
                LedgerInterface.exampleEvent
            )
        }
    }
}

extension WSInterface {
    /// Carries `peer.quote` to a provider.
    public struct Quote: Request {
        public static let spec = MethodSpec(
            "ws.quote", deadlineMs: 8_000, idempotent: true,
            "Carries a question for a job's price to a provider.")
        public typealias Reply = SignedEvent
        public var endpoint: String
        public var provider: PublicKey
        public var quote: PeerInterface.Quote
        public init(endpoint: String, provider: PublicKey, quote: PeerInterface.Quote) {
            self.endpoint = endpoint
            self.provider = provider
            self.quote = quote
        }
        public static var example: (request: Quote, reply: SignedEvent) {
            let (quote, reply) = PeerInterface.Quote.example
            return (
                Quote(
                    endpoint: "ws://127.0.0.3:9103/peer", provider: LedgerInterface.exampleKey, quote: quote),
                reply
            )
        }
    }
}

extension AggregatorInterface {
    /// A client asks what a job would cost here.
    public struct Quote: Request {
        public static let spec = MethodSpec(
            "aggregator.quote", deadlineMs: 5_000, idempotent: true,
            "A client asks what a job would cost here.")
        public typealias Reply = SignedEvent
        public var peer: PublicKey
        public var quote: PeerInterface.Quote
        public init(peer: PublicKey, quote: PeerInterface.Quote) {
            self.peer = peer
            self.quote = quote
        }
        public static var example: (request: Quote, reply: SignedEvent) {
            let (quote, reply) = PeerInterface.Quote.example
            return (Quote(peer: LedgerInterface.exampleKey, quote: quote), reply)
        }
    }
}
