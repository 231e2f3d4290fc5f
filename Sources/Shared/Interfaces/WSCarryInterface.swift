// What ws-d carries for ledger-d: a body to one of the endpoints that the configuration names, and back what it said.
// It must never take an address from the caller: what is not on the list cannot be reached.

public import Wire

extension WSInterface {
    /// Posts a JSON body to a shop that speaks x402, with a payment when there is one. What comes back is a stranger's claim.
    public struct Shop: Request {
        public static let spec = MethodSpec(
            "ws.shop", deadlineMs: 110_000, maxRequestBytes: 96 * 1024, idempotent: false,
            "Carries a request, and what pays for it, to a shop of the allow-list.")
        public struct Reply: WireValue, Hashable {
            /// HTTP's.
            public var status: Int
            public var body: String
            /// x402's `PAYMENT-REQUIRED` and `PAYMENT-RESPONSE` headers, where they came.
            public var required: String?
            public var response: String?
            public init(status: Int, body: String, required: String? = nil, response: String? = nil) {
                self.status = status
                self.body = body
                self.required = required
                self.response = response
            }
        }
        /// As the configuration names it: `shop/NAME`.
        public var endpoint: String
        /// JSON.
        public var body: String
        /// x402's `PAYMENT-SIGNATURE` header.
        public var payment: String?
        /// The longest header that is carried back, in bytes.
        public static let longestHeader = 24_576
        public init(endpoint: String, body: String, payment: String? = nil) {
            self.endpoint = endpoint
            self.body = body
            self.payment = payment
        }
        public static var example: (request: Shop, reply: Reply) {
            (
                Shop(endpoint: "shop/weather", body: "{}"),
                Reply(status: 402, body: "{}", required: "eyJ4NDAyVmVyc2lvbiI6Mn0=")
            )
        }
    }

    /// Posts a JSON body to a named endpoint, or asks it a question. What comes back is a stranger's claim.
    public struct Carry: Request {
        /// The longest body that is carried back, in bytes.
        public static let longestReply = 512 * 1024
        public static let spec = MethodSpec(
            "ws.carry", deadlineMs: 15_000, maxRequestBytes: 64 * 1024, idempotent: false,
            "Carries a request to an endpoint of the allow-list.")
        public struct Reply: WireValue, Hashable {
            /// HTTP's.
            public var status: Int
            public var body: String
            public init(status: Int, body: String) {
                self.status = status
                self.body = body
            }
        }
        /// As the configuration names it: `evm/polygon`.
        public var endpoint: String
        /// JSON; empty for a question (GET).
        public var body: String
        /// What follows the endpoint's address, and the secret that goes into the header which the configuration names:
        /// for endpoints that have such a header, and for no others.
        public var path: String?
        public var secret: String?
        /// Whether the first line of the answer is all that is wanted: for answers that go on until something happens.
        public var firstLine: Bool?

        enum CodingKeys: String, CodingKey {
            case endpoint, body, path, secret
            case firstLine = "first_line"
        }

        public init(
            endpoint: String, body: String, path: String? = nil, secret: String? = nil, firstLine: Bool? = nil
        ) {
            self.firstLine = firstLine
            self.endpoint = endpoint
            self.body = body
            self.path = path
            self.secret = secret
        }
        public static var example: (request: Carry, reply: Reply) {
            (
                Carry(
                    endpoint: "evm/polygon",
                    body: #"{"id":1,"jsonrpc":"2.0","method":"eth_chainId","params":[]}"#),
                Reply(status: 200, body: #"{"jsonrpc":"2.0","id":1,"result":"0x89"}"#)
            )
        }
    }
}
