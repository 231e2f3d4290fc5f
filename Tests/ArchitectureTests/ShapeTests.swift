// Proves that the sources keep the rules of ARCHITECTURE.md and CONTRIBUTING.md that can be counted.

import Foundation
import Policy
import Testing
import Wire

@Suite struct ShapeTests {
    /// The module of a source, by its folder.
    private func module(_ path: String) -> String? {
        let parts = path.split(separator: "/").map(String.init)
        guard parts.first == "Sources", parts.count > 2 else { return nil }
        if parts[1] == "Shared" { return parts[2] }
        guard parts.count > 3, parts[2] == "Core" else { return nil }
        return Self.cores[parts[1]]
    }

    static let cores = [
        "infernet-supervisor": "SupervisorCore", "ledger-d": "LedgerCore", "content-d": "ContentCore",
        "exec-d": "ExecCore", "dht-d": "DHTCore", "ws-d": "WSCore", "aggregator-d": "AggregatorCore",
        "infernetctl": "CtlCore",
    ]

    /// Our own modules that a module may import, as ARCHITECTURE.md says.
    static let allowed: [String: Set<String>] = {
        let core: Set = [
            "DaemonKit", "IPC", "Interfaces", "NodeModel", "Nostr", "NodeSystem", "NodeConfig", "Wire",
        ]
        var table: [String: Set<String>] = [
            "CHost": [], "NodeSystem": ["CHost"], "Wire": [], "NodeModel": ["CSecp256k1"],
            "Nostr": ["NodeModel", "CSecp256k1"], "EVM": ["NodeModel"], "Lightning": ["NodeModel"],
            "X402": ["EVM", "NodeModel", "Wire"],
            "NodeConfig": ["Wire", "NodeModel"],
            "ConfigFile": ["NodeConfig", "Wire"], "Interfaces": ["Wire", "NodeModel"],
            "Policy": ["Wire", "Interfaces"], "IPC": ["NodeSystem", "Wire"],
            "DaemonKit": ["IPC", "Policy", "NodeSystem", "Interfaces", "NodeConfig", "Wire"],
            "TestKit": ["IPC", "Policy", "NodeSystem", "Interfaces", "Wire", "NodeModel", "NodeConfig"],
            "CtlCore": [
                "IPC", "Interfaces", "NodeModel", "Nostr", "NodeConfig", "ConfigFile", "Wire", "NodeSystem",
            ],
        ]
        for name in cores.values where name != "CtlCore" { table[name] = core }
        table["SupervisorCore"] = core.union(["Policy", "ConfigFile", "CSeccomp"])
        table["LedgerCore"] = core.union(["CSecp256k1", "EVM", "Lightning", "X402"])
        return table
    }()

    @Test func modulesImportOnlyWhatTheTableAllows() throws {
        let own = Set(Self.allowed.keys).union(["CSecp256k1", "CSeccomp"])
        for source in try SourceTree.sources("Sources") {
            guard let module = module(source.path) else { continue }
            let allowed = try #require(Self.allowed[module], "\(source.path) is in no module of the table")
            for name in source.imports where own.contains(name) && name != module {
                #expect(allowed.contains(name), "\(source.path) imports \(name)")
            }
        }
    }

    @Test func filesAreSmallAndSayWhatTheyAreFor() throws {
        var sizes: [Int] = []
        for source in try SourceTree.sources("Sources") {
            sizes.append(source.lines.count)
            #expect(source.lines.count <= 501, "\(source.path) has \(source.lines.count) lines")
            let opening = source.lines.prefix { $0.hasPrefix("// ") }.joined(separator: " ")
            #expect(
                opening.contains("never") || opening.utf8.count > 120,
                "\(source.path) does not open with what it is for and what it must never do")
        }
        sizes.sort()
        #expect(sizes[sizes.count / 2] <= 130, "the median file has \(sizes[sizes.count / 2]) lines")
    }

    @Test func namesSayWhatThingsAre() throws {
        for source in try SourceTree.sources("Sources") {
            let file = source.path.split(separator: "/").last.map(String.init) ?? ""
            for word in ["Utils", "Helper", "Manager", "Common"] {
                #expect(!file.contains(word), "\(source.path)")
            }
        }
    }

    @Test func nothingTrapsOnOutsideData() throws {
        for source in try SourceTree.sources("Sources") {
            for (number, line) in source.lines.enumerated() {
                let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
                let place = "\(source.path):\(number + 1)"
                #expect(!code.contains("try!") && !code.contains("fatalError("), "\(place)")
                if code.contains("@unchecked Sendable") || code.contains("nonisolated(unsafe)") {
                    #expect(line.contains("//"), "\(place) gives no reason")
                }
            }
        }
    }

    @Test func everyDaemonOfTheTableHasItsFolderAndItsFiveLines() throws {
        let mains = try SourceTree.sources("Sources").filter { $0.path.hasSuffix("/Main.swift") }
        for role in Role.daemons + [.supervisor, .ctl] {
            let main = mains.first { $0.path == "Sources/\(role.rawValue)/Main.swift" }
            #expect(main != nil, "\(role) has no Main.swift")
            #expect((main?.lines.count ?? 0) < 16, "\(role)'s Main.swift holds more than a call")
        }
    }

    @Test func everyMethodIsThrownForeignBytesAt() throws {
        // The samples are complete by a test of their own; the fuzzer's readers must be the same.
        func types(_ path: String, _ before: String) throws -> Set<String> {
            let text = try String(contentsOf: SourceTree.root.appending(path: path), encoding: .utf8)
            return Set(
                text.matches(of: /(\w+)\((?:stream: )?(\w+(?:\.\w+)?)\.self\)/).filter {
                    $0.output.1 == before
                }
                .map { String($0.output.2) })
        }
        let samples = try types("Tests/InterfacesTests/MethodExamplesTests.swift", "Sample")
        let readers = try types("Fuzz/targets/WireValues.swift", "of")
        #expect(samples.count > 120, "\(samples.count)")
        #expect(samples.subtracting(readers) == [], "missing in Fuzz/targets/WireValues.swift")
        #expect(readers.subtracting(samples) == [])
    }

    @Test func theOneFileIsLinkedUnderEveryName() throws {
        let script = try String(
            contentsOf: SourceTree.root.appending(path: "packaging/dev/programs"), encoding: .utf8)
        let line = try #require(script.split(separator: "\n").first { $0.hasPrefix("for role in ") })
        let names = line.dropFirst("for role in ".count).prefix { $0 != ";" }.split(separator: " ").map(
            String.init)
        // And that under which it waits to become one of them.
        #expect(Set(names) == Set(Role.allCases.map(\.rawValue) + ["infernet-standby"]))
    }
}
