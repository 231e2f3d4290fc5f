// Proves that a handed-over file is given once, in time, to who has its token, and that nothing else is kept.

import Glibc
import Logging
import NodeSystem
import TestKit
import Testing

@testable import ContentCore

@Suite struct HandoffTests {
    private let now = ContinuousClock.now
    private func token(_ byte: UInt8) -> [UInt8] { Array(repeating: byte, count: 16) }

    @Test("a descriptor is given once")
    func once() {
        var table = HandoffTable()
        #expect(table.put(7, token: token(1), now: now) == .taken)
        #expect(table.take(token(2), now: now) == nil)
        #expect(table.take(token(1), now: now) == 7)
        #expect(table.take(token(1), now: now) == nil)
    }

    @Test("after 30 seconds it is gone, and the descriptor is there to be closed")
    func expires() {
        var table = HandoffTable()
        #expect(table.put(7, token: token(1), now: now) == .taken)
        #expect(table.take(token(1), now: now + .seconds(30)) == nil)
        #expect(table.expire(now: now + .seconds(29)).isEmpty)
        #expect(table.expire(now: now + .seconds(30)) == [7])
        #expect(table.expire(now: now + .seconds(30)).isEmpty)
    }

    @Test("short tokens, tokens in use, and too many files are refused")
    func refuses() {
        var table = HandoffTable()
        #expect(table.put(1, token: [1], now: now) != .taken)
        for number in 0..<UInt8(HandoffTable.places) {
            #expect(table.put(1, token: token(number), now: now) == .taken)
        }
        #expect(table.put(1, token: token(0), now: now) == .refused("the token is in use"))
        #expect(table.put(1, token: token(200), now: now) != .taken)
        #expect(table.clear().count == HandoffTable.places)
    }

    /// Sends over a real socket and gives the listener's answer.
    private func hand(_ descriptor: Int32?, _ payload: [UInt8], to path: String) throws -> [UInt8] {
        let connection = try UnixSocket.connect(to: path)
        defer { close(connection) }
        if let descriptor {
            try UnixSocket.sendDescriptor(descriptor, over: connection, payload: payload)
        } else {
            #expect(send(connection, payload, payload.count, 0) == payload.count)
        }
        var answer = [UInt8](repeating: 0, count: 256)
        return Array(answer[..<max(0, recv(connection, &answer, answer.count, 0))])
    }

    @Test("over a real socket: a regular file open for reading is taken, everything else refused")
    func listener() throws {
        let folder = try TemporaryDirectory()
        let path = folder.appending("h.sock")
        let socket = try UnixSocket.listen(at: path)
        defer { close(socket) }
        let listener = HandoffListener(
            socket: socket, log: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() })
        listener.start()
        defer { listener.stop() }
        let file = try Sample.file(folder.appending("f"), [1, 2, 3])
        let writing = open(folder.appending("f"), O_WRONLY)
        let directory = open(folder.path, O_RDONLY)
        defer { [file, writing, directory].forEach { close($0) } }

        #expect(try hand(file, token(1), to: path) == [1])
        for (descriptor, payload) in [
            (file, token(1)), (file, [1]), (writing, token(2)), (directory, token(3)),
        ] {
            let answer = try hand(descriptor, payload, to: path)
            #expect(answer.first == 0 && answer.count > 1)
        }
        #expect(try hand(nil, token(4), to: path).first == 0)

        let given = try #require(listener.take(token(1)))
        defer { close(given) }
        var byte: UInt8 = 0
        #expect(pread(given, &byte, 1, 2) == 1 && byte == 3)
        #expect(listener.take(token(1)) == nil)
        #expect(listener.take(token(2)) == nil)
    }
}
