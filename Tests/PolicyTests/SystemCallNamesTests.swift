// Proves that the calls of a profile, one by one, are exactly those that systemd on Debian 12 makes of the same words,
// so that spawned mode and unit files mean the same. `make units` records them.

import Foundation
import Testing

@testable import Policy

@Suite struct SystemCallNamesTests {
    @Test func theNamesAreWhatSystemdMakesOfTheProfile() throws {
        let sets = try Self.sets()
        func expand(_ words: [String]) -> Set<String> {
            words.reduce(into: []) { all, word in
                word.hasPrefix("@") ? all.formUnion(expand(sets[word] ?? [])) : all.formUnion([word])
            }
        }
        var text =
            "// The system calls of each profile by name, as systemd 252 expands them. Written by `make units`.\n"
        text += "// It must never be edited: what a process may call is said in SystemCallProfile.\n\n"
        text += "enum SystemCallNames {\n"
        for profile in SystemCallProfile.allCases {
            // systemd adds @default to every list of what is allowed.
            let names = expand(profile.allowed + ["@default"]).subtracting(expand(profile.denied)).sorted()
            #expect(names.count > 100)
            var lines = [""]
            for name in names {
                if lines[lines.count - 1].count + name.count > 90 { lines.append("") }
                lines[lines.count - 1] += lines[lines.count - 1].isEmpty ? name : " " + name
            }
            text += "    static let \(profile.rawValue) = \"\"\"\n"
            for line in lines { text += "        \(line)\n" }
            text += "        \"\"\"\n"
        }
        text += "}\n"
        let file = RenderedFilesTests.root.appending(path: "Sources/Shared/Policy/SystemCallNames.swift")
        if ProcessInfo.processInfo.environment["INFERNET_RECORD"] != nil {
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(
            try String(contentsOf: file, encoding: .utf8) == text, "systemd means something else: make units")
    }

    /// systemd's own sets, by name.
    private static func sets() throws -> [String: [String]] {
        var sets: [String: [String]] = [:]
        var name = ""
        for line in try Analyze.run(["syscall-filter", "--no-pager"]).text.split(separator: "\n") {
            let word = line.trimmingCharacters(in: .whitespaces)
            if line.hasPrefix("@") {
                name = word
                sets[name] = []
            } else if line.hasPrefix("# ") {
                name = ""
            } else if !word.isEmpty, !word.hasPrefix("#") {
                sets[name, default: []].append(word)
            }
        }
        return sets
    }
}
