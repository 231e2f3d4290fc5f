// The supervisor as a program: arguments, configuration, and the pieces put together in the order in which they need
// each other. It must never go on with a configuration that it did not understand.

import ConfigFile
import Glibc
import NodeConfig
import NodeSystem
import Policy
import Wire

/// `infernet-supervisor [--config FILE] [--check]`.
public enum SupervisorMain {
    static let usage = """
        usage: infernet-supervisor [--config FILE] [--check | --watch | --render DIR | --generate DIR]
          --config FILE  the configuration; by default \(NodePaths.defaultConfigFile) when it is there
          --check        only say whether the configuration is right
          --watch        under systemd: start nothing, ask the daemons how they are, and tell
          --render DIR   under systemd: write each daemon's part of the configuration there
          --generate DIR under systemd: write there on which addresses its sockets listen
          --version      say which build this is

        """

    /// What the command line asks for.
    struct Arguments: Equatable {
        var config: String?
        var check = false
        var watch = false
        var render: String?
        var generate: String?

        /// - Throws: `WireError` for an argument that does not exist.
        init(_ words: [String]) throws {
            var rest = words[...]
            while let word = rest.popFirst() {
                switch word {
                case "--check": check = true
                case "--watch": watch = true
                case "--config": config = try Self.value(of: word, &rest)
                case "--render": render = try Self.value(of: word, &rest)
                case "--generate": generate = try Self.value(of: word, &rest)
                default:
                    throw WireError(
                        .invalidParams, "There is no argument '\(word)'.", fix: SupervisorMain.usage)
                }
            }
        }

        private static func value(of word: String, _ rest: inout ArraySlice<String>) throws -> String {
            guard let value = rest.popFirst() else {
                throw WireError(.invalidParams, "\(word) needs a path.", fix: SupervisorMain.usage)
            }
            return value
        }
    }

    /// Runs until the node is stopped.
    ///
    /// - Parameter words: the arguments without the program's name.
    /// - Returns: the exit code.
    public static func run(_ words: [String]) async -> Int32 {
        SignalWatch.ignoreBrokenPipes()
        if words == ["--version"] || words == ["--help"] {
            say(words == ["--help"] ? usage : "\(Build.name)\n", to: 1)
            return 0
        }
        // Before any thread: both change the environment.
        let parent = ServiceNotifier.fromEnvironment()
        let handed = Result { try ListenFDs.adopt() }
        do {
            let arguments = try Arguments(words)
            let path = arguments.config ?? present(NodePaths.defaultConfigFile)
            if arguments.check {
                _ = try path.map { try ConfigFile.read($0) }
                say("\(path ?? "the built-in configuration") is right\n", to: 1)
                return 0
            }
            if let folder = arguments.render {
                try RenderedSlices(try path.map { try ConfigFile.read($0) } ?? .init()).write(to: folder)
                return 0
            }
            if let folder = arguments.generate {
                try SocketAddresses(try path.map { try ConfigFile.read($0) } ?? .init()).write(to: folder)
                return 0
            }
            let stop = StopSwitch()
            let spawner = try SpawnThread()
            defer { spawner.stop() }
            try SignalWatch.start([SIGTERM, SIGINT, SIGHUP], on: spawner) { stop.flip("signal \($0)") }
            if arguments.watch {
                try await WatchHost.run(
                    configPath: arguments.config ?? "\(PackageLayout.configuration)/infernet.yaml",
                    sockets: try handed.get(),
                    parent: parent,
                    stop: stop)
                return 0
            }
            guard let configuration = try await read(path, parent, stop) else { return 0 }
            try await NodeHost.run(
                configuration, configPath: path, parent: parent, stop: stop, spawner: spawner)
            return 0
        } catch {
            explain(error)
            switch (error as? WireError)?.code {
            case .invalidParams?: return 64
            case .configInvalid?: return 78
            default: return 71
            }
        }
    }

    private static func present(_ path: String) -> String? { access(path, F_OK) == 0 ? path : nil }

    /// The configuration, as soon as it is right; nil when the node was stopped before.
    private static func read(
        _ path: String?, _ parent: ServiceNotifier?, _ stop: StopSwitch
    ) async throws -> NodeConfiguration? {
        guard let path else { return NodeConfiguration() }
        do { return try ConfigFile.read(path) } catch let error as WireError {
            // A parent shows and logs our end itself; alone, we stay to tell people what is wrong.
            guard parent == nil else { throw error }
            explain(error)
            return try await WrongConfiguration(error, path: path).wait(stop)
        }
    }

    private static func explain(_ error: any Error) {
        let (message, fix): (String, String?)
        switch error {
        case let error as WireError: (message, fix) = (error.message, error.fix)
        case let error as SystemError: (message, fix) = (error.message, error.fix)
        default: (message, fix) = ("\(error)", nil)
        }
        say("infernet-supervisor: \(message)\n" + (fix.map { "  \($0)\n" } ?? ""), to: 2)
    }

    static func say(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { _ = write(descriptor, $0.baseAddress, $0.count) }
    }
}
