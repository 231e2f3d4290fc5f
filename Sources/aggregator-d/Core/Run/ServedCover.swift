// How far an answer is paid that this node gives piece by piece. Pure: vouchers taken and the engine's begin in, what the engine
// may be allowed out. It must never allow what is not paid, nor forget what was paid before the engine began.

struct ServedCover: Hashable, Sendable {
    /// Up to which token the answer is paid.
    private(set) var tokens: Int
    private var isRunning = false
    /// Up to which the engine knows.
    private var told: Int

    /// - Parameter first: what came with the job.
    init(first: Int) {
        tokens = first
        told = first
    }

    /// A voucher was taken.
    ///
    /// - Returns: what the engine is to be allowed now.
    mutating func raise(to tokens: Int) -> Int? {
        self.tokens = max(self.tokens, tokens)
        return tell()
    }

    /// The engine has begun, and can be told from now on.
    mutating func begin() -> Int? {
        isRunning = true
        return tell()
    }

    private mutating func tell() -> Int? {
        guard isRunning, tokens > told else { return nil }
        told = tokens
        return tokens
    }
}
