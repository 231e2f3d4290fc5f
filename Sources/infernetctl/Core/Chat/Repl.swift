// A conversation at the terminal.
// It must never end because an answer failed: the next question may work.

import Glibc
import Synchronization

/// Reads questions and asks them until the person leaves.
struct Repl {
    let session: ChatSession
    var conversation: Conversation

    /// What Ctrl-C means at the moment.
    private final class Interrupt: Sendable {
        private let task = Mutex<Task<String, any Error>?>(nil)
        func set(_ new: Task<String, any Error>?) { task.withLock { $0 = new } }
        /// - Returns: whether an answer was stopped.
        func fire() -> Bool {
            task.withLock { task in
                task?.cancel()
                return task != nil
            }
        }
    }

    mutating func run() async throws {
        let output = session.output
        let style = output.style
        output.error(
            output.errorStyle.dim("\(session.model) · /new forgets, /quit leaves, Ctrl-C stops an answer"))
        let interrupt = Interrupt()
        let scope = SignalScope {
            if !interrupt.fire() { output.raw("\n" + output.errorStyle.dim("/quit leaves") + "\n> ") }
        }
        defer { withExtendedLifetime(scope) {} }
        while true {
            output.raw(style.bold("> "))
            guard let line = await Self.readLine() else {
                output.raw("\n")
                return
            }
            switch ReplInput(line) {
            case .quit: return
            case .nothing: continue
            case .clear:
                conversation.clear()
                output.error(output.errorStyle.dim("forgotten"))
            case .help: output.error("/new forgets what was said, /quit leaves, Ctrl-C stops an answer")
            case .unknown(let command): output.error("there is no \(command); /help tells what there is")
            case .question(let question): await ask(question, interrupt)
            }
        }
    }

    private mutating func ask(_ question: String, _ interrupt: Interrupt) async {
        let session = session
        let messages = conversation.messages(asking: question)
        let task = Task { try await session.ask(messages) }
        interrupt.set(task)
        defer { interrupt.set(nil) }
        do {
            conversation.keep(question: question, answer: try await task.value)
        } catch {
            guard let failure = Failure(error) else { return }
            let output = session.output
            output.error(
                failure.status == .interrupted
                    ? output.errorStyle.dim("stopped") : failure.text(output.errorStyle))
        }
    }

    /// Reads a line on a thread that may block.
    private static func readLine() async -> String? {
        // A closed standard input is the end of the conversation, like an empty one.
        try? await Reading.offLoop { Swift.readLine() }
    }
}
