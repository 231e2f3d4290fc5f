// Writing to the terminal, a pipe or a file, unbuffered.
// It must never go on after nobody reads any more.

import FoundationEssentials
import Glibc
import Wire

/// The two streams of the process and what they can show.
struct Output: Sendable {
    /// Emphasis on stdout and on stderr.
    var style: Style
    var errorStyle: Style
    /// Whether stdout is a terminal, and whether stderr is.
    var isTerminal: Bool
    var errorIsTerminal: Bool

    /// The process's own streams; colours only on a terminal and when NO_COLOR is unset or empty.
    static let standard: Output = {
        let allowed =
            (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)
            && getenv("TERM").map { String(cString: $0) } != "dumb"
        let out = isatty(STDOUT_FILENO) == 1
        let error = isatty(STDERR_FILENO) == 1
        return Output(
            style: Style(on: out && allowed), errorStyle: Style(on: error && allowed), isTerminal: out,
            errorIsTerminal: error)
    }()

    /// Writes a line to stdout.
    func line(_ text: String) { Self.write(text + "\n", to: STDOUT_FILENO) }
    /// Writes to stdout as it stands, at once.
    func raw(_ text: String) { Self.write(text, to: STDOUT_FILENO) }
    /// Writes a line to stderr.
    func error(_ text: String) { Self.write(text + "\n", to: STDERR_FILENO) }
    /// Writes to stderr as it stands, at once.
    func rawError(_ text: String) { Self.write(text, to: STDERR_FILENO) }
    /// Writes a value as one line of JSON to stdout.
    func json(_ value: some Encodable) { line(Self.encode(value)) }

    /// Columns of the terminal.
    var width: Int {
        var size = winsize()
        return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    static func encode(_ value: some Encodable) -> String {
        // Our own reply types always encode.
        (try? WireCoding.encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest = rest.dropFirst(written)
            } else if errno == EAGAIN {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&wait, 1, 1000)
            } else if errno != EINTR {
                exit(errno == EPIPE ? ExitStatus.noReader.rawValue : ExitStatus.failed.rawValue)
            }
        }
    }
}
