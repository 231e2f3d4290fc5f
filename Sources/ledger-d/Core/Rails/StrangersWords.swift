// What a stranger says, made fit to be shown.
// It must never let a control character or an endless text through to a terminal or a log.

enum StrangersWords {
    /// Plain characters, and few of them.
    static func plain(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.filter { (0x20...0x7E).contains($0.value) }.prefix(160)))
    }
}
