// Proves that what was put is read again after a kill at any moment: between two pieces, in the middle of one, and at each step
// of a whole write; and that a disk that takes no more is told of.

import FoundationEssentials
import Glibc
import TestKit
import Testing

@testable import DHTCore

@Suite struct EvidenceJournalTests {
    private let folder: TemporaryDirectory
    private var path: String { folder.appending("evidence.new") }
    private let pieces: [[UInt8]] = [[1, 2, 3], [UInt8](repeating: 7, count: 800), [9]]

    init() throws { folder = try TemporaryDirectory() }

    private func bytes() throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

    /// What another process would read, had this one been killed here.
    private func afterKill() throws -> [[UInt8]] { try EvidenceJournal(path: path).read() }

    @Test func whatIsAppendedIsThereAtOnce() throws {
        let journal = EvidenceJournal(path: path)
        #expect(try afterKill() == [])
        for count in pieces.indices {
            journal.append(pieces[count])
            #expect(try afterKill() == Array(pieces.prefix(count + 1)))
        }
        // The next run goes on where the last one ended.
        EvidenceJournal(path: path).append([4])
        #expect(try afterKill() == pieces + [[4]])
    }

    @Test func aTornEndHidesNothingBeforeIt() throws {
        let journal = EvidenceJournal(path: path)
        for piece in pieces { journal.append(piece) }
        let whole = try bytes()
        for cut in 0...whole.count {
            let read = EvidenceJournal.pieces(Array(whole.prefix(cut)))
            #expect(read == Array(pieces.prefix(read.count)))
            #expect(read.count == (cut < 5 ? 0 : cut < 807 ? 1 : cut < 810 ? 2 : 3))
        }
        #expect(EvidenceJournal.pieces([0, 0, 0, 1, 5]) == [], "a machine that lost power may leave zeros")
        #expect(EvidenceJournal.pieces([3, 33] + [UInt8](repeating: 1, count: 801)) == [])
    }

    @Test func aWholeWriteLosesNothingAtAnyStep() throws {
        let journal = EvidenceJournal(path: path)
        journal.append(pieces[0])
        journal.turn()
        #expect(try afterKill() == [pieces[0]])
        journal.append(pieces[1])
        #expect(try afterKill() == [pieces[0], pieces[1]])
        // A write that failed is followed by another one; until one succeeds all stays.
        journal.turn()
        journal.append(pieces[2])
        #expect(try afterKill() == pieces)
        journal.settle()
        #expect(try afterKill() == [pieces[1], pieces[2]])
        journal.turn()
        journal.settle()
        #expect(try afterKill() == [])
        journal.append(pieces[0])
        #expect(try afterKill() == [pieces[0]])
    }

    @Test func whatCannotBeWrittenIsTold() throws {
        let lost = EvidenceJournal(path: folder.appending("nowhere") + "/evidence.new")
        lost.append(pieces[0])
        #expect(lost.problem?.contains("nowhere") == true)
        let journal = EvidenceJournal(path: path)
        for _ in 0...EvidenceFile.maximumSize / 802 { journal.append(pieces[1]) }
        #expect(journal.problem != nil, "it does not grow for ever")
        #expect(try bytes().count <= EvidenceFile.maximumSize)
        journal.turn()
        journal.append(pieces[0])
        #expect(journal.problem == nil)
    }
}
