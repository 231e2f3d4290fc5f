// What aggregator-d is told: whether to work for others, for how much, and how long to wait for what.
// It must never hold a price that is not a whole number of micro-units.

/// What one model costs.
public struct PriceSection: Codable, Sendable, Equatable {
    /// In micro-units for each token of the prompt.
    public var prompt: Int64
    /// In micro-units for each token of the answer.
    public var completion: Int64
    /// What it is counted in: test credits, or a token of `ledger.chains` by its CAIP-19 name.
    public var asset: String
    /// How many tokens of an answer one voucher pays; more follow with the answer. One pays for all of a shorter answer.
    public var chunk: Int

    public init(prompt: Int64 = 1, completion: Int64 = 2, asset: String = "test:credit", chunk: Int = 128) {
        self.asset = asset
        self.chunk = chunk
        self.prompt = prompt
        self.completion = completion
    }
}

/// What a model costs that has a price of its own, in the asset of `price`.
public struct ModelPrice: Codable, Sendable, Equatable {
    /// In micro-units for each token of the prompt.
    public var prompt: Int64
    /// In micro-units for each token of the answer.
    public var completion: Int64

    enum CodingKeys: String, CodingKey, CaseIterable { case prompt, completion }

    public init(prompt: Int64, completion: Int64) {
        self.prompt = prompt
        self.completion = completion
    }

    public init(from decoder: any Decoder) throws {
        try StrictKeys.check(decoder, CodingKeys.allCases.map(\.rawValue))
        let c = try decoder.container(keyedBy: CodingKeys.self)
        prompt = try c.decode(Int64.self, forKey: .prompt)
        completion = try c.decode(Int64.self, forKey: .completion)
    }
}

/// How long each stage of a job may take, in milliseconds.
public struct JobDeadlines: Codable, Sendable, Equatable {
    /// Finding providers and choosing one.
    public var planMs = 8_000
    /// Reaching the provider.
    public var connectMs = 10_000
    /// From there to the first piece: queue, load and prompt.
    public var firstPieceMs = 180_000
    public var nextPieceMs = 20_000
    public var verifyMs = 10_000
    public var totalMs = 600_000

    enum CodingKeys: String, CodingKey {
        case planMs = "plan_ms"
        case connectMs = "connect_ms"
        case firstPieceMs = "first_piece_ms"
        case nextPieceMs = "next_piece_ms"
        case verifyMs = "verify_ms"
        case totalMs = "total_ms"
    }
    public init() {}
}

/// How answers of other nodes are checked.
public struct VerifySection: Codable, Sendable, Equatable {
    /// Whether this node's own engine reads some of them again, where it has the model and an idle slot.
    public var local = true
    /// Places of an answer that are looked at.
    public var places = 64
    /// How long a check waits for an idle slot.
    public var waitSeconds = 600

    enum CodingKeys: String, CodingKey {
        case local, places
        case waitSeconds = "wait_s"
    }
    public init() {}
}

/// What aggregator-d is told.
public struct AggregatorSection: Codable, Sendable, Equatable {
    /// Whether this node works for others; it needs `peer.advertise` too.
    public var provide = true
    public var price = PriceSection()
    /// Prices of models that have one of their own, by the model's name: `big-model: {prompt: 5, completion: 20}`.
    public var prices: [String: ModelPrice] = [:]
    /// In what this node pays others; the first that anybody takes for a model is used.
    public var pay = ["test:credit"]
    /// Jobs of this node's people under way at once.
    public var maxConcurrent = 64
    /// Strangers' jobs under way at once.
    public var serveConcurrent = 8
    /// The longest answer that is agreed on, in tokens; also the default when a request names none.
    public var maxTokens = 2048
    public var deadlines = JobDeadlines()
    /// Providers that are tried for one job before its first token.
    public var maxAttempts = 3
    /// How long a provider that failed stands at the back.
    public var penaltySeconds = 30
    /// How often the card is renewed, and how long it lives.
    public var cardIntervalSeconds = 300
    public var cardLifetimeSeconds = 1200
    /// Jobs that the journal remembers.
    public var journalJobs = 10_000
    /// Whether others are told how jobs at other nodes went: which provider, when, how many tokens, and never what they were.
    public var testify = true
    /// Keys in hexadecimal whose words on providers count fully.
    public var validators: [String] = []
    public var verify = VerifySection()

    enum CodingKeys: String, CodingKey {
        case provide, price, prices, pay, deadlines, testify, validators, verify
        case maxConcurrent = "max_concurrent"
        case serveConcurrent = "serve_concurrent"
        case maxTokens = "max_tokens"
        case maxAttempts = "max_attempts"
        case penaltySeconds = "penalty_s"
        case cardIntervalSeconds = "card_interval_s"
        case cardLifetimeSeconds = "card_lifetime_s"
        case journalJobs = "journal_jobs"
    }
    public init() {}
}
