// Where a passphrase comes from: a file, or a person whose typing is not shown.
// It must never take one from the command line, which every process can read.

import ArgumentParser
import Foundation
import Glibc
import Wire

struct PassphraseOptions: ParsableArguments {
    @Option(
        help: "Read the passphrase from this file (its first line) instead of asking.", completion: .file())
    var passphraseFile: String?

    /// The passphrase in the one form of Unicode that NIP-49 asks for.
    ///
    /// - Parameter twice: ask again, because a mistyped one would lose the key.
    func read(twice: Bool) throws -> String {
        if let passphraseFile { return try Self.normal(BackupFile.firstLine(passphraseFile)) }
        guard isatty(STDIN_FILENO) == 1 else {
            throw WireError(
                .invalidRequest, "There is no terminal to ask for the passphrase.",
                fix: "Name a file with --passphrase-file.")
        }
        let first = try Self.ask("Passphrase: ")
        if twice, try Self.ask("Again: ") != first {
            throw WireError(.invalidRequest, "The two passphrases differ.", fix: "Try again.")
        }
        return Self.normal(first)
    }

    /// NFKC: two ways of typing one character give one passphrase.
    static func normal(_ text: String) -> String { text.precomposedStringWithCompatibilityMapping }

    private static func ask(_ prompt: String) throws -> String {
        Output.standard.rawError(prompt)
        var shown = termios()
        guard tcgetattr(STDIN_FILENO, &shown) == 0 else {
            throw WireError(.invalidRequest, "The terminal cannot be read.", fix: "Use --passphrase-file.")
        }
        var hidden = shown
        hidden.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown)
            Output.standard.rawError("\n")
        }
        guard let line = readLine(strippingNewline: true) else {
            throw WireError(.cancelled, "No passphrase was given.")
        }
        return line
    }
}
