// One target and whether it was kept. It must never be left out because it was missed.

/// A line of the list at the end.
struct Verdict {
    /// What was wanted, of what.
    let target: String
    /// What was measured.
    let measured: String
    let kept: Bool

    init(_ target: String, _ measured: String, kept: Bool) {
        self.target = target
        self.measured = measured
        self.kept = kept
    }

    var line: String { "\(kept ? "kept  " : "MISSED") \(target): \(measured)" }
}
