// The few paths of the HTTP API. Pure: method and target in, a route or the error out.
// It must never match by a prefix that hides a path behind another.

/// What a request is for.
enum Route: Equatable {
    case chat
    case responses
    case models
    case model(String)
    case health
    case metrics

    /// The name under which the route is counted; never the path itself, which a client chooses.
    var label: String {
        switch self {
        case .chat: "/v1/chat/completions"
        case .responses: "/v1/responses"
        case .models: "/v1/models"
        case .model: "/v1/models/{id}"
        case .health: "/healthz"
        case .metrics: "/metrics"
        }
    }

    /// Whether it asks a model.
    var takesBody: Bool { self == .chat || self == .responses }

    /// Finds the route.
    /// - Parameter uri: the target as it stood in the request line.
    static func find(method: String, uri: String) throws(APIError) -> Route {
        let path = uri.prefix { $0 != "?" && $0 != "#" }
        guard let route = route(path) else {
            throw APIError(
                404,
                "Unknown request URL: \(method.prefix(16)) \(path.prefix(128)). This node serves "
                    + "/v1/chat/completions, /v1/responses, /v1/models, /healthz and /metrics.",
                code: "unknown_url")
        }
        let allowed = route.takesBody ? "POST" : "GET"
        guard method == allowed || (allowed == "GET" && method == "HEAD") else {
            throw APIError(
                405, "Method \(method.prefix(16)) is not allowed for \(route.label); use \(allowed).",
                code: "method_not_allowed")
        }
        return route
    }

    private static func route(_ path: Substring) -> Route? {
        switch path {
        case "/v1/chat/completions": return .chat
        case "/v1/responses": return .responses
        case "/v1/models": return .models
        case "/healthz": return .health
        case "/metrics": return .metrics
        default:
            let prefix = "/v1/models/"
            guard path.hasPrefix(prefix), path.utf8.count > prefix.utf8.count, path.utf8.count <= 512 else {
                return nil
            }
            return decode(path.dropFirst(prefix.count)).map(Route.model)
        }
    }

    /// Percent-decoding (RFC 3986, section 2.1); nil when it is not UTF-8.
    private static func decode(_ text: Substring) -> String? {
        let raw = Array(text.utf8)
        var bytes: [UInt8] = []
        var i = 0
        while i < raw.count {
            if raw[i] == 0x25 {
                guard i + 2 < raw.count, let high = hex(raw[i + 1]), let low = hex(raw[i + 2]) else {
                    return nil
                }
                bytes.append(high << 4 | low)
                i += 3
            } else {
                bytes.append(raw[i])
                i += 1
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hex(_ c: UInt8) -> UInt8? {
        switch c {
        case 0x30...0x39: c - 0x30
        case 0x41...0x46: c - 0x37
        case 0x61...0x66: c - 0x57
        default: nil
        }
    }
}
