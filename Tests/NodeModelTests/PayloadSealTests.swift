// Proves that a sealed payload opens only for its job, direction, place and key, and only in order.

import NodeModel
import Testing

@Suite struct PayloadSealTests {
    let key = ContentKey(bytes: (0..<32).map { UInt8($0) }) ?? ContentKey()
    let job: JobID
    let other: JobID

    init() throws {
        job = try #require(JobID("job_0199d0c2a4b50000000000000000beef"))
        other = try #require(JobID("job_0199d0c2a4b50000000000000000beee"))
    }

    @Test func whatIsSealedOpens() throws {
        let seal = PayloadSeal(key: key, jobID: job, direction: .request)
        for length in [0, 1, 63, 64, 65, 70_000] {
            let plaintext = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
            let sealed = try seal.seal(plaintext, sequence: 3)
            #expect(sealed.count == length + PayloadSeal.overhead)
            #expect(try seal.open(sealed, sequence: 3) == plaintext)
        }
    }

    @Test func anyOtherBindingIsRefused() throws {
        let sealed = try PayloadSeal(key: key, jobID: job, direction: .request).seal([1, 2, 3], sequence: 5)
        let wrong: [(PayloadSeal, UInt64)] = [
            (PayloadSeal(key: key, jobID: job, direction: .request), 6),
            (PayloadSeal(key: key, jobID: job, direction: .response), 5),
            (PayloadSeal(key: key, jobID: other, direction: .request), 5),
            (PayloadSeal(key: ContentKey(), jobID: job, direction: .request), 5),
        ]
        for (seal, sequence) in wrong {
            #expect(throws: SealError.notAuthentic) { try seal.open(sealed, sequence: sequence) }
        }
    }

    @Test func everyByteIsAuthenticated() throws {
        let seal = PayloadSeal(key: key, jobID: job, direction: .response)
        let sealed = try seal.seal(Array("a token".utf8), sequence: 0)
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(throws: SealError.notAuthentic) { try seal.open(changed, sequence: 0) }
        }
        #expect(throws: SealError.notAuthentic) { try seal.open(Array(sealed.dropLast()), sequence: 0) }
        #expect(throws: SealError.truncated) { try seal.open([1, 2], sequence: 0) }
    }

    @Test func directionsAndPlacesNeverShareAStream() throws {
        // Equal plaintexts under one key must look unrelated: the nonces differ.
        let zeros = [UInt8](repeating: 0, count: 48)
        var seen = Set<[UInt8]>()
        for direction in [PayloadSeal.Direction.request, .response] {
            for sequence: UInt64 in [0, 1, 255, 256, .max - 1] {
                let sealed = try PayloadSeal(key: key, jobID: job, direction: direction).seal(
                    zeros, sequence: sequence)
                #expect(seen.insert(Array(sealed.prefix(48))).inserted)
            }
        }
    }

    @Test func aStreamCountsAndRefusesTheRest() throws {
        var sender = SealedStream(key: key, jobID: job, direction: .response)
        var reader = SealedStream(key: key, jobID: job, direction: .response)
        let first = try sender.seal([1])
        let second = try sender.seal([2])
        #expect(first.sequence == 0 && second.sequence == 1)
        #expect(throws: SealError.outOfOrder(expected: 0, got: 1)) {
            try reader.open(second.sealed, sequence: second.sequence)
        }
        #expect(try reader.open(first.sealed, sequence: 0) == [1])
        #expect(throws: SealError.outOfOrder(expected: 1, got: 0)) {
            try reader.open(first.sealed, sequence: 0)
        }
        // A forged payload does not move the reader on.
        #expect(throws: SealError.notAuthentic) { try reader.open(first.sealed, sequence: 1) }
        #expect(try reader.open(second.sealed, sequence: 1) == [2])
    }

    @Test func theKeyDoesNotPrint() {
        var dumped = ""
        dump(key, to: &dumped)
        let secret = Hex.encode(key.bytes)
        for text in ["\(key)", String(describing: key), String(reflecting: key), dumped] {
            #expect(!text.contains(secret) && !text.contains("31"))
        }
        #expect(ContentKey(bytes: [1]) == nil)
    }
}
