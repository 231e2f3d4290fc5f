// Takes open files from people over the `handoff` socket, on a thread of its own.
// It must never keep anything but a regular file that can be read, nor wait long for one client.
//
// A client connects, sends one message of 16 random bytes (the token) with one descriptor (SCM_RIGHTS), and reads
// the answer: byte 1 when the file was taken, else byte 0 and the reason in UTF-8.

import Dispatch
import Glibc
import Logging
import NodeSystem
import Synchronization

/// Accepts on the handoff socket until stopped.
final class HandoffListener: Sendable {
    private static let clientTimeout = timeval(tv_sec: 2, tv_usec: 0)
    /// The first uid of people; the ones below belong to services, and no service hands over files.
    private static let firstPerson: UInt32 = 1000

    private let socket: Int32
    private let log: Logger
    private let table = Mutex(HandoffTable())
    private let stopped = Atomic(false)

    /// - Parameter socket: a listening Unix stream socket; it stays the caller's.
    init(socket: Int32, log: Logger) {
        self.socket = socket
        self.log = log
    }

    /// Starts the thread.
    func start() {
        _ = fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK)
        DispatchQueue(label: "content-d.handoff").async { self.run() }
    }

    /// Ends the thread within a second, and closes what waits.
    func stop() {
        stopped.store(true, ordering: .relaxed)
        table.withLock { $0.clear() }.forEach { close($0) }
    }

    /// The descriptor that was handed over under a token; it is the caller's from now on.
    func take(_ token: [UInt8]) -> Int32? {
        table.withLock { $0.take(token, now: .now) }
    }

    private func run() {
        while !stopped.load(ordering: .relaxed) {
            var wait = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            _ = poll(&wait, 1, 1000)
            table.withLock { $0.expire(now: .now) }.forEach { close($0) }
            guard wait.revents != 0 else { continue }
            let client = accept(socket, nil, nil)
            if client >= 0 {
                _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                serve(client)
                close(client)
            } else if errno != EAGAIN, errno != EINTR, errno != ECONNABORTED {
                log.error(
                    "cannot accept on the handoff socket", metadata: ["cause": "\(SystemError.text(errno))"])
                // The next try may have descriptors again; a broken socket must not burn the processor.
                usleep(200_000)
            }
        }
    }

    private func serve(_ client: Int32) {
        var timeout = Self.clientTimeout
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
        setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &timeout, size)
        let answer = receive(client)
        if case .refused(let reason) = answer {
            log.warning("a handed-over file was refused", metadata: ["reason": "\(reason)"])
            reply(client, [0] + Array(reason.utf8))
        } else {
            reply(client, [1])
        }
    }

    private func receive(_ client: Int32) -> HandoffTable.Answer {
        do {
            let peer = try PeerCredentials.of(descriptor: client)
            guard peer.uid == 0 || peer.uid == geteuid() || peer.uid >= Self.firstPerson else {
                return .refused("user \(peer.uid) is a service, and services hand over no files")
            }
            let (descriptor, token) = try UnixSocket.receiveDescriptor(from: client, maxPayload: 64)
            guard let descriptor else { return .refused("no file came with the token") }
            var answer = Self.examine(descriptor)
            if answer == .taken {
                answer = table.withLock { $0.put(descriptor, token: token, now: .now) }
            }
            if answer != .taken { close(descriptor) }
            return answer
        } catch { return .refused("\(error)") }
    }

    private static func examine(_ descriptor: Int32) -> HandoffTable.Answer {
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            return .refused("it is not a regular file")
        }
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, flags & O_ACCMODE != O_WRONLY else {
            return .refused("it is not open for reading")
        }
        return .taken
    }

    private func reply(_ client: Int32, _ bytes: [UInt8]) {
        _ = send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
}
