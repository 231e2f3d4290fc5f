// `infernetctl chat`: a question as arguments, from a pipe, or a conversation at the terminal.
// It must never send what was not asked: an empty question is refused.

import ArgumentParser
import Glibc
import Interfaces
import NodeModel
import Wire

struct Chat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Asks a model, and streams its answer.",
        discussion: """
            Without a prompt it reads the question from a pipe, or starts a conversation at the terminal, where
            /new forgets what was said, /quit leaves, and Ctrl-C stops the answer under way.
            """)
    /// The longest question read from a pipe, in bytes.
    static let longestInput = 1 << 20

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The question.")
    var prompt: [String] = []
    @Option(name: .shortAndLong, help: "The model's name or root (default: the first one of this node).")
    var model: String?
    @Option(help: ArgumentHelp("Only this provider.", valueName: "npub|hex"))
    var provider: NodeKey?
    @Option(name: .shortAndLong, help: "The system message.")
    var system: String?
    @Option(help: "The longest answer, in tokens.")
    var maxTokens: Int?
    @Option(help: "How freely words are chosen, 0 to 2.")
    var temperature: Double?
    @Option(help: "The seed of the choice of words.")
    var seed: Int64?
    @Flag(name: .shortAndLong, help: "Print the answer and nothing else.")
    var quiet = false

    func validate() throws {
        if let maxTokens, maxTokens < 1 { throw ValidationError("--max-tokens must be at least 1.") }
        if let temperature, !(0...2).contains(temperature) {
            throw ValidationError("--temperature must be between 0 and 2.")
        }
    }

    func run() async throws {
        let node = global.node
        var name = model
        if name == nil { name = try await Self.defaultModel(node, provider: provider?.key) }
        let session = ChatSession(
            node: node, output: global.output, model: name ?? "", provider: provider?.key,
            sampling: Sampling(temperature: temperature, seed: seed, maxTokens: maxTokens), json: global.json,
            quiet: quiet)
        if prompt.isEmpty, isatty(STDIN_FILENO) == 1 {
            var repl = Repl(session: session, conversation: Conversation(system: system))
            return try await repl.run()
        }
        let question = prompt.isEmpty ? try Self.standardInput() : prompt.joined(separator: " ")
        guard !question.trimmed.isEmpty else {
            throw WireError(
                .invalidRequest, "There is no question.",
                fix: "Write one: infernetctl chat \"Why is the sky blue?\"")
        }
        let messages = Conversation(system: system).messages(asking: question)
        try await SignalScope.cancellable { _ = try await session.ask(messages) }
    }

    /// The first model of this node, or the first one that some provider has.
    static func defaultModel(_ node: Node, provider: PublicKey?) async throws -> String {
        let models = try await node.call(AggregatorInterface.Models(), at: .aggregator).models
        let here = models.first { $0.local }
        let elsewhere = models.first { !$0.local }
        guard let model = provider == nil ? here ?? elsewhere : elsewhere ?? here else {
            throw WireError(
                .modelNotFound, "This node has no model, and knows of no provider that has one.",
                fix: "Add one: infernetctl content add FILE.gguf, or name one with --model.")
        }
        return model.name
    }

    private static func standardInput() throws -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(STDIN_FILENO, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            bytes += buffer[..<count]
            guard bytes.count <= longestInput else {
                throw WireError(
                    .tooLarge, "The question is longer than \(longestInput) bytes.", fix: "Shorten it.")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw WireError(.invalidRequest, "The question is not text: it is not UTF-8.")
        }
        return text
    }
}
