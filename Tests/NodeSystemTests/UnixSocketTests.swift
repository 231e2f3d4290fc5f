// Proves that socket files appear finished, replace only dead ones, and carry descriptors and credentials.

import Glibc
import TestKit
import Testing

@testable import NodeSystem

struct UnixSocketTests {
    let directory: TemporaryDirectory
    var folder: String { directory.path }

    init() throws { directory = try TemporaryDirectory() }

    @Test func appearsWithItsModeAndServes() throws {
        let path = "\(folder)/a.sock"
        let listener = try UnixSocket.listen(at: path, mode: 0o600)
        defer { close(listener) }
        var info = stat()
        #expect(lstat(path, &info) == 0)
        #expect(info.st_mode & 0o777 == 0o600)
        let client = try UnixSocket.connect(to: path)
        let server = accept(listener, nil, nil)
        defer { for descriptor in [client, server] { close(descriptor) } }
        let peer = try PeerCredentials.of(descriptor: server)
        #expect(peer == PeerCredentials(pid: getpid(), uid: geteuid(), gid: getegid()))
    }

    @Test func leavesNoTemporaryName() throws {
        close(try UnixSocket.listen(at: "\(folder)/a.sock"))
        let names = try #require(opendir(folder))
        defer { closedir(names) }
        var count = 0
        while readdir(names) != nil { count += 1 }
        #expect(count == 3, "., .. and a.sock")
    }

    @Test func replacesAStaleSocketButNotAServedOne() async throws {
        let path = "\(folder)/a.sock"
        close(try UnixSocket.listen(at: path))
        // A process that another test starts in this moment holds what was open until its exec.
        try await eventually("a socket that nobody serves") {
            guard let client = try? UnixSocket.connect(to: path) else { return true }
            close(client)
            return false
        }
        let living = try UnixSocket.listen(at: path)
        defer { close(living) }
        #expect { try UnixSocket.listen(at: path) } throws: { ($0 as? SystemError)?.code == .addressInUse }
        let client = try UnixSocket.connect(to: path)
        close(client)
    }

    @Test func neverReplacesAnOrdinaryFile() throws {
        let path = "\(folder)/precious"
        close(creat(path, 0o600))
        #expect { try UnixSocket.listen(at: path) } throws: { ($0 as? SystemError)?.errno == EEXIST }
        #expect(access(path, F_OK) == 0)
    }

    @Test func saysThatAPathIsTooLong() {
        let path = folder + "/" + String(repeating: "x", count: 108)
        #expect { try UnixSocket.listen(at: path) } throws: {
            ($0 as? SystemError)?.code == .pathTooLong && ($0 as? SystemError)?.fix != nil
        }
    }

    @Test(arguments: [UnixSocket.Kind.stream, .seqpacket]) func handsOverAnOpenFile(kind: UnixSocket.Kind)
        throws
    {
        let (sender, receiver) = try UnixSocket.pair(kind)
        let file = try SealedFile.make(name: "gift", bytes: Array("hello".utf8))
        defer { for descriptor in [sender, receiver, file] { close(descriptor) } }
        try UnixSocket.sendDescriptor(file, over: sender, payload: Array("name".utf8))
        let (got, payload) = try UnixSocket.receiveDescriptor(from: receiver)
        let received = try #require(got)
        defer { close(received) }
        #expect(payload == Array("name".utf8))
        #expect(fcntl(received, F_GETFD) & FD_CLOEXEC != 0)
        var bytes = [UInt8](repeating: 0, count: 5)
        #expect(read(received, &bytes, 5) == 5 && bytes == Array("hello".utf8))
    }

    @Test func tellsBytesAndEndWithoutADescriptor() throws {
        let (sender, receiver) = try UnixSocket.pair()
        defer { close(receiver) }
        write(sender, "x", 1)
        let first = try UnixSocket.receiveDescriptor(from: receiver)
        #expect(first.descriptor == nil && first.payload == [UInt8(ascii: "x")])
        close(sender)
        #expect(try UnixSocket.receiveDescriptor(from: receiver).payload.isEmpty)
    }

    @Test func aSealedFileCannotBeChanged() throws {
        let file = try SealedFile.make(name: "config", bytes: [1, 2, 3])
        defer { close(file) }
        #expect(pwrite(file, "x", 1, 0) == -1)
        #expect(ftruncate(file, 0) == -1)
        #expect(lseek(file, 0, SEEK_CUR) == 0)
    }

    @Test func aTCPSocketHasNoPeerProcess() throws {
        let listener = try TCPListener.bind(host: "127.0.0.1", port: 0)
        defer { close(listener) }
        #expect(throws: SystemError.self) { try PeerCredentials.of(descriptor: listener) }
    }
}
