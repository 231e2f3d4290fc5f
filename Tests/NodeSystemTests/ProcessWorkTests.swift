// Proves that a process at rest does not hold the code that it does not run.

import Foundation
import NodeSystem
import Testing

@Suite struct ProcessWorkTests {
    /// How much of the program's own code is mapped into this process, in KiB.
    private func residentCode() throws -> Int {
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let maps = try String(contentsOfFile: "/proc/self/smaps", encoding: .utf8)
        var (isCode, sum) = (false, 0)
        for line in maps.split(separator: "\n") {
            let words = line.split(separator: " ")
            if let first = words.first, !first.hasSuffix(":"), first.contains("-") {
                isCode = words.count > 5 && words[1] == "r-xp" && words[5] == program
            } else if isCode, words.first == "Rss:" {
                sum += Int(words[1]) ?? 0
            }
        }
        return sum
    }

    @Test func codeThatIsNotRunIsLetGoOf() throws {
        let before = try residentCode()
        ProcessWork.trimHeap()
        let after = try residentCode()
        #expect(before > 0 && after < before, "\(before) and \(after) KiB")
    }
}
