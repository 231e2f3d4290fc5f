// `infernetctl content add|list|verify|remove`: the store of models.
// It must never give content-d a path: the file is handed over open, with the person's own rights.

import ArgumentParser
import Glibc
import Interfaces
import NodeConfig
import NodeModel
import Wire

struct Content: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Adds, lists, verifies and removes content.",
        subcommands: [Add.self, List.self, Verify.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Takes a file into the store.")

        @OptionGroup var global: GlobalOptions
        @Argument(help: "The file.", completion: .file())
        var file: String
        @Option(help: "The name to ask for it by (default: the file's own, in lower case).")
        var name: String?

        func run() async throws {
            let descriptor = open(file, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                throw WireError(
                    .notFound, "\(file) cannot be opened: \(String(cString: strerror(errno))).",
                    fix: "Name a file that you may read.")
            }
            defer { close(descriptor) }
            var info = stat()
            guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
                throw WireError(.invalidRequest, "\(file) is not a regular file.", fix: "Name a file.")
            }
            let output = global.output
            let token = try FileHandoff.give(
                descriptor, socket: NodePaths.handoffSocket(runDirectory: global.runDirectory))
            let bar = output.errorIsTerminal && !global.json ? ProgressBar(output: output) : nil
            let node = global.node
            let request = ContentInterface.Import(token: token, name: name ?? Self.defaultName(file))
            let reply = try await SignalScope.cancellable {
                defer { bar?.clear() }
                return try await node.stream(request, at: .content) { bar?.show($0.done, of: $0.total) }
            }
            let entry = reply.entry
            // Said on the other stream, so that the answer stays what it is.
            if let inventory = await node.quick(ExecInterface.Inventory(), at: .exec),
                let (reason, fix) = Self.warning(of: entry, on: inventory)
            {
                output.error("\(output.errorStyle.yellow("!")) It cannot run here: \(reason)")
                if let fix { output.error("    \(output.errorStyle.yellow("fix"))  \(fix)") }
            }
            if global.json { return output.json(reply) }
            output.line(
                "\(output.style.bold(entry.name))  \(Units.bytes(entry.size))  \(entry.format)"
                    + (reply.existed ? "  (the same bytes were there already)" : ""))
            ContentView.facts(entry, output.style).forEach(output.line)
        }

        /// Why what was just added will not run on this node; nil when nothing is known against it.
        static func warning(
            of entry: ContentInterface.Entry, on inventory: ExecInterface.Inventory.Reply
        ) -> (reason: String, fix: String?)? {
            guard entry.format == "gguf" else {
                return ("engines run models in GGUF format, and this is '\(entry.format)'.", nil)
            }
            guard let memory = inventory.engineMemoryMiB,
                let found = ExecInterface.outgrown(entry.name, size: entry.size, memoryMiB: memory)
            else { return nil }
            return (found.reason, found.fix + " Then restart the node.")
        }

        /// The file's name without folder and ending, as content-d allows it.
        static func defaultName(_ file: String) -> String {
            let last = file.split(separator: "/").last.map(String.init) ?? file
            var stem = last.lowercased()
            for ending in [".gguf", ".safetensors"] where stem.hasSuffix(ending) {
                stem.removeLast(ending.count)
            }
            let name = stem.map {
                $0.isASCII && ($0.isLetter || $0.isNumber || ".-_".contains($0)) ? $0 : "-"
            }
            return String(name.drop { !$0.isLetter && !$0.isNumber }.prefix(128))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the store.")

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let reply = try await global.node.call(ContentInterface.List(), at: .content)
            let output = global.output
            if global.json { return output.json(reply) }
            ContentView.table(reply.entries).lines(output.style).forEach(output.line)
            output.error(
                output.errorStyle.dim(
                    "\(Units.bytes(reply.usedBytes)) used, \(Units.bytes(reply.freeBytes)) free"))
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Hashes stored files again.")

        @OptionGroup var global: GlobalOptions
        @Argument(help: "Name, root or CID (default: everything).")
        var reference: String?

        func run() async throws {
            let output = global.output
            let node = global.node
            var references = reference.map { [$0] } ?? []
            if reference == nil {
                references = try await node.call(ContentInterface.List(), at: .content).entries.map(\.name)
            }
            var failed = false
            for reference in references {
                do {
                    let reply = try await node.call(
                        ContentInterface.Verify(reference: reference), at: .content)
                    if global.json {
                        output.json(reply)
                        continue
                    }
                    let rate =
                        reply.verifyMs > 0
                        ? "  \(Units.bytes(reply.entry.size * 1000 / reply.verifyMs))/s" : ""
                    output.line(
                        output.style.green("✓") + " \(reply.entry.name)  \(reply.entry.root.hex)\(rate)")
                } catch {
                    guard let failure = Failure(error), failure.error.code == .corrupt else { throw error }
                    failed = true
                    failure.print(json: global.json)
                }
            }
            if failed { throw ExitStatus.failed }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Takes content out of the store.")

        @OptionGroup var global: GlobalOptions
        @Argument(help: "Name, root or CID.")
        var reference: String

        func run() async throws {
            let reply = try await global.node.call(
                ContentInterface.Remove(reference: reference), at: .content)
            global.json ? global.output.json(reply) : global.output.error("\(reference) is removed.")
        }
    }
}
