// How far a client covers an answer that it pays piece by piece. Pure: what came in, the token to be covered up to out.
// It must never cover more than one piece ahead of what came, nor believe in more tokens than the text can have.

import NodeModel

struct CoverPlan: Hashable, Sendable {
    /// Tokens of one piece, and of the longest answer.
    let chunk: Int
    let longest: Int
    /// Tokens that leave no text, but may be counted.
    let silent: Int
    /// Up to which token the answer is covered.
    private(set) var covered: Int
    /// The tokens that came.
    private(set) var received = 0
    private var weight = 0

    /// - Returns: nil for an answer that one voucher pays.
    init?(_ quote: Quote, _ request: InferenceRequest) {
        guard let chunk = quote.chunk else { return nil }
        self.chunk = chunk
        longest = quote.terms.maxTokens
        covered = quote.firstTokens
        silent = ReceiptCheck.silentTokens(of: request)
    }

    /// A piece came.
    ///
    /// - Parameters:
    ///   - tokens: of the answer so far, as the provider says.
    ///   - weight: of the piece. No token but the silent ones is lighter than 1.
    mutating func saw(tokens: UInt64, weight: Int) {
        self.weight += weight
        received = max(received, min(Int(clamping: tokens), self.weight + silent))
    }

    /// Up to which token to cover now; nil while at least half a piece is left.
    var next: Int? {
        guard covered < longest, covered - received < (chunk + 1) / 2 else { return nil }
        let target = min(longest, received + chunk)
        return target > covered ? target : nil
    }

    mutating func cover(to tokens: Int) { covered = max(covered, tokens) }
}
