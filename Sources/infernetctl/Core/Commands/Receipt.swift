// `infernetctl receipt show|verify`: the paper that a job leaves behind.
// Verifying must never ask a node: whoever holds the file can do it alone.

import ArgumentParser
import Foundation
import Glibc
import Interfaces
import NodeModel
import Wire

struct Receipt: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows or verifies receipts.", subcommands: [Show.self, Verify.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints a job's receipt, or writes it to a file.",
            discussion:
                "On a terminal it is shown for people; into a pipe or with --out goes the receipt file itself."
        )

        @OptionGroup var global: GlobalOptions
        @Argument(help: "The job's id (default: the last job that has a receipt).")
        var job: JobArgument?
        @Option(name: .shortAndLong, help: "Write the receipt file here.")
        var out: String?

        func run() async throws {
            let output = global.output
            let bundle = try await global.node.call(
                AggregatorInterface.Receipt(job: job?.id), at: .aggregator)
            let bytes = try ReceiptFile.encode(bundle)
            if let out {
                guard FileManager.default.createFile(atPath: out, contents: Data(bytes)) else {
                    throw WireError(
                        .invalidRequest, "The receipt cannot be written to \(out).",
                        fix: "Choose another place.")
                }
                return output.error(
                    "Written to \(out). Verify it anywhere: infernetctl receipt verify \(out)")
            }
            guard output.isTerminal, !global.json else {
                return output.raw(String(decoding: bytes, as: UTF8.self))
            }
            let report = try Verify.report(bytes, source: "this node's receipt")
            ReceiptView.lines(report, output.style).forEach(output.line)
            output.error(
                output.errorStyle.dim("Keep it: infernetctl receipt show \(report.body.job) --out FILE"))
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verifies a receipt file, offline and to the byte.",
            discussion: "Exit code: 0 when everything holds, 1 when anything does not.")

        @OptionGroup var global: GlobalOptions
        @Argument(help: "The receipt file, or - for standard input.")
        var file: String

        func run() throws {
            let output = global.output
            let report = try Self.report(try Self.read(file), source: file == "-" ? "standard input" : file)
            if global.json { return output.json(ReceiptView.Document(report)) }
            ReceiptView.lines(report, output.style).forEach(output.line)
        }

        /// Verifies the bytes of a file.
        static func report(_ bytes: [UInt8], source: String) throws -> ReceiptView.Report {
            do {
                let (bundle, body) = try ReceiptFile.verify(bytes)
                return ReceiptView.Report(bundle: bundle, body: body, bytes: bytes.count)
            } catch {
                throw WireError(
                    .verificationFailed, "The receipt in \(source) is NOT valid: \(error).",
                    fix: "Do not trust it. Ask for the original: infernetctl receipt show JOB --out FILE")
            }
        }

        private static func read(_ file: String) throws -> [UInt8] {
            let descriptor = file == "-" ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                throw WireError(
                    .notFound, "\(file) cannot be opened: \(String(cString: strerror(errno))).",
                    fix: "Name a receipt file; get one with: infernetctl receipt show --out FILE")
            }
            defer { close(descriptor) }
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 16_384)
            while bytes.count <= ReceiptFile.longest {
                let count = Glibc.read(descriptor, &buffer, buffer.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw WireError(
                        .invalidRequest, "\(file) cannot be read: \(String(cString: strerror(errno))).")
                }
                if count == 0 { break }
                bytes += buffer[..<count]
            }
            return bytes
        }
    }
}
