// TCP and UDP sockets on numeric addresses, with errors that name the port and who to look for.
// It must never resolve a name: a node binds what its configuration says, byte for byte.

import Glibc

/// Binds a listening TCP socket.
public enum TCPListener {
    /// Binds and listens on a numeric IPv4 or IPv6 address; port 0 lets the kernel choose. The returned descriptor is
    /// close-on-exec and belongs to the caller.
    ///
    /// - Throws: `SystemError` `.addressInUse`, `.addressInvalid` or `.notPermitted`, each with a fix.
    public static func bind(host: String, port: UInt16, backlog: Int32 = 512) throws -> Int32 {
        try InternetSocket.bind(.tcp, host: host, port: port) { descriptor in
            // A port whose last connections are still in TIME_WAIT is free.
            var on: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        } afterBind: { descriptor in
            Glibc.listen(descriptor, backlog)
        }
    }
}

/// Binds a UDP socket.
public enum UDPSocket {
    /// Binds a numeric IPv4 or IPv6 address; port 0 lets the kernel choose. Without SO_REUSEADDR, which for UDP
    /// would let a second process share the port. The returned descriptor is close-on-exec and belongs to the caller.
    ///
    /// - Throws: `SystemError` `.addressInUse`, `.addressInvalid` or `.notPermitted`, each with a fix.
    public static func bind(host: String, port: UInt16) throws -> Int32 {
        try InternetSocket.bind(.udp, host: host, port: port) { _ in
        } afterBind: { _ in
            0
        }
    }
}

/// What both have in common.
public enum InternetSocket {
    enum Transport: String {
        case tcp = "TCP"
        case udp = "UDP"
    }

    /// The numeric address and port a socket is bound to.
    ///
    /// - Throws: `SystemError` when it is not an internet socket.
    public static func localAddress(of descriptor: Int32) throws -> (host: String, port: UInt16) {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        try withUnsafeMutablePointer(to: &storage) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = try attempt("cannot ask for the socket's address") {
                    getsockname(descriptor, address, &size)
                }
            }
        }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = Int32(storage.ss_family)
        return try withUnsafePointer(to: &storage) { pointer in
            switch family {
            case AF_INET:
                return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { v4 in
                    var address = v4.pointee.sin_addr
                    inet_ntop(AF_INET, &address, &text, socklen_t(text.count))
                    return (string(text), UInt16(bigEndian: v4.pointee.sin_port))
                }
            case AF_INET6:
                return pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { v6 in
                    var address = v6.pointee.sin6_addr
                    inet_ntop(AF_INET6, &address, &text, socklen_t(text.count))
                    return (string(text), UInt16(bigEndian: v6.pointee.sin6_port))
                }
            default:
                throw SystemError(.malformed, "descriptor \(descriptor) is not an internet socket")
            }
        }
    }

    static func bind(
        _ transport: Transport, host: String, port: UInt16, beforeBind: (Int32) -> Void,
        afterBind: (Int32) -> Int32
    ) throws -> Int32 {
        var storage = sockaddr_storage()
        let (family, size) = try parse(host: host, port: port, into: &storage)
        let kind = (transport == .tcp ? SOCK_STREAM.rawValue : SOCK_DGRAM.rawValue) | SOCK_CLOEXEC.rawValue
        let descriptor = try attempt("cannot make a \(transport.rawValue) socket") {
            socket(family, Int32(kind), 0)
        }
        var on: Int32 = 1
        if family == AF_INET6 {
            setsockopt(
                descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        beforeBind(descriptor)
        let bound = withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(descriptor, $0, size) }
        }
        // A TCP port held by a listener with SO_REUSEADDR is only refused at listen().
        if bound != 0 || afterBind(descriptor) != 0 {
            let reason = errno
            close(descriptor)
            throw refusal(transport, host: host, port: port, errno: reason)
        }
        return descriptor
    }

    private static func parse(
        host: String, port: UInt16, into storage: inout sockaddr_storage
    ) throws -> (family: Int32, size: socklen_t) {
        try withUnsafeMutablePointer(to: &storage) { pointer in
            let v4 = pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
                address.pointee.sin_family = sa_family_t(AF_INET)
                address.pointee.sin_port = port.bigEndian
                return inet_pton(AF_INET, host, &address.pointee.sin_addr) == 1
            }
            if v4 { return (AF_INET, socklen_t(MemoryLayout<sockaddr_in>.size)) }
            pointer.pointee = sockaddr_storage()
            let v6 = pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
                address.pointee.sin6_family = sa_family_t(AF_INET6)
                address.pointee.sin6_port = port.bigEndian
                return inet_pton(AF_INET6, host, &address.pointee.sin6_addr) == 1
            }
            if v6 { return (AF_INET6, socklen_t(MemoryLayout<sockaddr_in6>.size)) }
            throw SystemError(
                .addressInvalid, "\"\(host)\" is not a numeric IPv4 or IPv6 address", errno: EINVAL,
                fix: "Write it like 127.0.0.1 or ::1.")
        }
    }

    private static func refusal(_ transport: Transport, host: String, port: UInt16, errno: Int32)
        -> SystemError
    {
        let place = "\(transport.rawValue) port \(port) on \(host)"
        let flag = transport == .tcp ? "t" : "u"
        let cause = SystemError.text(errno)
        switch errno {
        case EADDRINUSE:
            return SystemError(
                .addressInUse, "\(place) is taken: \(cause)", errno: errno,
                fix:
                    "See who has it with: ss -\(flag)lnp 'sport = :\(port)'. Stop it or configure another port."
            )
        case EADDRNOTAVAIL:
            return SystemError(
                .addressInvalid, "this machine has no address \(host): \(cause)", errno: errno,
                fix: "Configure one that `ip address` shows.")
        case EACCES, EPERM:
            return SystemError(
                .notPermitted, "may not use \(place): \(cause)", errno: errno,
                fix: "Ports below 1024 need root. Configure a higher one.")
        default:
            return SystemError(call: "cannot use \(place)", errno: errno)
        }
    }

    private static func string(_ text: [CChar]) -> String {
        String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
