// What a request's head must be for its body to be read at all. Pure but for the rate counter.
// It must never let a page of another origin through: this API may have no key, only its address.

import NIOHTTP1

/// The checks of a request's head.
enum RequestRules {
    /// - Returns: the route.
    static func admit(_ head: HTTPRequestHead, _ service: HTTPService) throws(APIError) -> Route {
        let route = try check(head, hosts: service.hosts)
        // Guesses take from the bucket too.
        switch route {
        case .chat, .responses, .models, .model: try service.admitRequest()
        case .health, .metrics: break
        }
        try service.keys.check(route, head.headers)
        if service.sale != nil { try checkSale(route, head) }
        return route
    }

    /// What strangers may ask for: models and answers, with at most one payment.
    private static func checkSale(_ route: Route, _ head: HTTPRequestHead) throws(APIError) {
        switch route {
        case .chat, .responses, .models, .model: break
        case .health, .metrics:
            throw APIError(
                404, "This address serves /v1/chat/completions, /v1/responses and /v1/models.",
                code: "unknown_url")
        }
        guard head.headers[HTTPReply.payment].count <= 1 else {
            throw APIError(400, "A request has one payment.", code: "invalid_http")
        }
    }

    static func check(_ head: HTTPRequestHead, hosts: HostRule) throws(APIError) -> Route {
        let named = head.headers["host"]
        guard named.count <= 1, let host = named.first ?? (head.version == .http1_0 ? "localhost" : nil)
        else {
            throw APIError(400, "A request has one Host header.", code: "invalid_host")
        }
        guard hosts.allows(host: host) else {
            throw APIError(
                403,
                "This node does not answer to that Host. Use its numeric address or 'localhost', or add the "
                    + "name to http.allowed_hosts.", code: "forbidden_host")
        }
        if let origin = head.headers.first(name: "origin"), !hosts.allows(origin: origin) {
            throw APIError(
                403,
                "Requests from pages of other origins are refused. Add the page's host to http.allowed_hosts "
                    + "to allow them.", code: "forbidden_origin")
        }
        let route = try Route.find(method: head.method.rawValue, uri: head.uri)
        if route.takesBody {
            let type = head.headers.first(name: "content-type")?.lowercased() ?? ""
            guard type == "application/json" || type.hasPrefix("application/json;") else {
                throw APIError(
                    415, "Unsupported content type; send the header 'Content-Type: application/json'.",
                    code: "unsupported_content_type")
            }
        }
        return route
    }

    static func expectsContinue(_ head: HTTPRequestHead) -> Bool {
        head.headers.first(name: "expect")?.lowercased() == "100-continue"
    }
}
