// Proves that the command line is understood as documented, and that errors say what, why and what to do.

import ArgumentParser
import NodeModel
import NodeSystem
import Testing
import Wire

@testable import CtlCore

@Suite struct CommandTests {
    private func parse<C: ParsableCommand>(_ type: C.Type, _ line: String) throws -> C {
        let words = line.split(separator: " ").map(String.init)
        return try #require(try InfernetCtl.parseAsRoot(words) as? C)
    }

    @Test("chat takes its question as words, and its options")
    func chat() throws {
        let key = PublicKey(xOnly: Digest(hashing: "x"))
        let chat = try parse(
            Chat.self,
            "chat why is it --model m --max-tokens 5 --temperature 0.5 --provider \(key.hex) --json")
        #expect(chat.prompt == ["why", "is", "it"])
        #expect(chat.model == "m" && chat.maxTokens == 5 && chat.temperature == 0.5 && chat.global.json)
        #expect(chat.provider?.key == key)
    }

    @Test("a provider is an npub too")
    func npub() throws {
        let text = "npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6"
        #expect(
            try parse(Chat.self, "chat x --provider \(text)").provider?.key.hex
                == "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d")
    }

    @Test(
        "wrong usage is refused with 64",
        arguments: [
            "chat x --max-tokens 0", "chat x --temperature 3", "chat --provider nobody x", "job nonsense",
            "jobs --limit 0",
            "restart nobody", "logs --since yesterday", "unknown", "logs --daemon infernetctl2",
            "receipt verify",
        ])
    func usage(_ line: String) {
        do {
            _ = try InfernetCtl.parseAsRoot(line.split(separator: " ").map(String.init))
            Issue.record("accepted: \(line)")
        } catch {
            #expect(InfernetCtl.exitCode(for: error).rawValue == ExitStatus.usage.rawValue)
        }
    }

    @Test("every command has a line of help and takes --json and --run-dir")
    func documented() throws {
        func walk(_ type: any ParsableCommand.Type) {
            #expect(!type.configuration.abstract.isEmpty, "\(type)")
            let children = type.configuration.subcommands
            children.forEach(walk)
            guard children.isEmpty else { return }
            let help = type.helpMessage()
            #expect(help.contains("--json") && help.contains("--run-dir"), "\(type)")
        }
        walk(InfernetCtl.self)
    }

    @Test("daemons may be named with or without -d")
    func daemons() throws {
        #expect(try parse(Restart.self, "restart ws").daemon.role == .ws)
        #expect(try parse(Restart.self, "restart exec-d").daemon.role == .exec)
    }

    @Test("an error says what, why and what to do, and for programs the same as JSON")
    func failure() throws {
        let error = WireError(.diskFull, "The disk is full.", fix: "Make room.", cause: "ENOSPC")
        let failure = try #require(Failure(error))
        #expect(failure.text(.plain) == "error: The disk is full.\n  why: ENOSPC\n  fix: Make room.")
        #expect(
            failure.json()
                == #"{"error":{"cause":"ENOSPC","code":"disk_full","fix":"Make room.","message":"The disk is full."}}"#
        )
        #expect(failure.status == .failed)
    }

    @Test("a node that is not running has its own exit code and says how to start it")
    func notRunning() async throws {
        let node = Node(runDirectory: "/nonexistent/run")
        do {
            _ = try await Status.gather(node)
            Issue.record("a status of nobody")
        } catch {
            let failure = try #require(Failure(error))
            #expect(failure.status == .notRunning)
            #expect(
                failure.error.message
                    == "infernet is not running (no socket at /nonexistent/run/infernet-supervisor/infernetctl.sock)."
            )
            #expect(failure.error.fix?.contains("make run") == true)
        }
    }

    @Test("cancellation ends as a shell reports SIGINT; ArgumentParser's errors are its own")
    func codes() {
        #expect(Failure(CancellationError())?.status == .interrupted)
        #expect(Failure(WireError(.cancelled, ""))?.status == .interrupted)
        #expect(Failure(SystemError(.callFailed, "x"))?.status == .failed)
        #expect(Failure(ValidationError("x")) == nil)
    }

    @Test(
        "a name is made from the file's own",
        arguments: [
            ("/a/SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2-135m-instruct.q4_1"),
            ("My Model (1).gguf", "my-model--1-"),
            ("x.safetensors", "x"), ("-weird", "weird"), ("notes.txt", "notes.txt"),
        ])
    func names(_ file: String, _ name: String) {
        #expect(Content.Add.defaultName(file) == name)
    }

    @Test("what is typed at the prompt")
    func repl() {
        #expect(ReplInput("/quit ") == .quit)
        #expect(ReplInput("  ") == .nothing)
        #expect(ReplInput("/new") == .clear)
        #expect(ReplInput("/what") == .unknown("/what"))
        #expect(ReplInput(" why? ") == .question("why?"))
    }

    @Test("a conversation sends all that was answered, after the system message")
    func conversation() {
        var talk = Conversation(system: "be brief")
        talk.keep(question: "a", answer: "b")
        #expect(talk.messages(asking: "c").map(\.role) == ["system", "user", "assistant", "user"])
        #expect(talk.messages(asking: "c").map(\.content) == ["be brief", "a", "b", "c"])
        talk.clear()
        #expect(talk.messages(asking: "c").count == 2)
    }

    @Test("quantities as people read them")
    func units() {
        #expect(
            Units.bytes(999) == "999 B" && Units.bytes(1000) == "1.0 kB"
                && Units.bytes(98_362_432) == "98.3 MB")
        #expect(Units.bytes(1_500_000_000_000_000) == "1500.0 TB")
        #expect(Units.duration(seconds: 59) == "59s" && Units.duration(seconds: 90_000) == "1d 1h")
        #expect(Units.milliseconds(1520) == "1.52 s")
        #expect(Units.amount(54, .testCredit) == "0.000054 test:credit")
        #expect(Units.amount(-1_500_000, .testCredit) == "-1.5 test:credit")
        #expect(Units.amount(0, .testCredit) == "0 test:credit")
        #expect(Units.amount(.max, .testCredit) == "9223372036854.775807 test:credit")
        #expect(
            Units.rate(tokens: 8, milliseconds: 0) == nil && Units.rate(tokens: .max, milliseconds: 1) == nil)
        #expect(Units.span("5m") == 300_000 && Units.span("1d") == 86_400_000)
        #expect(Units.span("m") == nil && Units.span("-5m") == nil && Units.span("5") == nil)
        #expect(Units.time(0) == "1970-01-01 00:00:00Z")
        #expect(Units.time(951_782_400_000) == "2000-02-29 00:00:00Z")
        #expect(Units.time(1_790_000_000_000) == "2026-09-21 14:13:20Z")
    }
}
