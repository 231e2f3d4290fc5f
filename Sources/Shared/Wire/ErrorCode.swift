// The closed vocabulary of what can go wrong between processes, open to codes of newer builds.
// It must never trap on an unknown code: a newer sibling may speak it.

/// What went wrong, as a stable lower-case name that programs compare and people can search for.
public struct ErrorCode: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    // The wire.
    public static let parseError = ErrorCode(rawValue: "parse_error")
    public static let invalidEnvelope = ErrorCode(rawValue: "invalid_envelope")
    public static let unknownMethod = ErrorCode(rawValue: "unknown_method")
    public static let invalidParams = ErrorCode(rawValue: "invalid_params")
    public static let notPermitted = ErrorCode(rawValue: "not_permitted")
    public static let deadlineExceeded = ErrorCode(rawValue: "deadline_exceeded")
    public static let cancelled = ErrorCode(rawValue: "cancelled")
    public static let tooLarge = ErrorCode(rawValue: "too_large")
    public static let tooManyRequests = ErrorCode(rawValue: "too_many_requests")
    public static let versionMismatch = ErrorCode(rawValue: "version_mismatch")
    public static let upstreamLost = ErrorCode(rawValue: "upstream_lost")
    public static let unavailable = ErrorCode(rawValue: "unavailable")
    public static let draining = ErrorCode(rawValue: "draining")
    public static let internalError = ErrorCode(rawValue: "internal_error")

    // What people ask for.
    public static let invalidRequest = ErrorCode(rawValue: "invalid_request")
    public static let notFound = ErrorCode(rawValue: "not_found")
    public static let conflict = ErrorCode(rawValue: "conflict")
    public static let modelNotFound = ErrorCode(rawValue: "model_not_found")
    public static let contextLengthExceeded = ErrorCode(rawValue: "context_length_exceeded")
    public static let engineUnavailable = ErrorCode(rawValue: "engine_unavailable")
    public static let noProvider = ErrorCode(rawValue: "no_provider")
    public static let paymentRequired = ErrorCode(rawValue: "payment_required")
    public static let providerFailed = ErrorCode(rawValue: "provider_failed")
    public static let verificationFailed = ErrorCode(rawValue: "verification_failed")
    public static let corrupt = ErrorCode(rawValue: "corrupt")
    public static let diskFull = ErrorCode(rawValue: "disk_full")
    public static let policyRefused = ErrorCode(rawValue: "policy_refused")
    public static let configInvalid = ErrorCode(rawValue: "config_invalid")

    /// The JSON-RPC 2.0 number of this code; -32000 for those that JSON-RPC does not name.
    public var number: Int {
        switch self {
        case .parseError: -32700
        case .invalidEnvelope: -32600
        case .unknownMethod: -32601
        case .invalidParams: -32602
        case .internalError: -32603
        case .notPermitted: -32001
        case .deadlineExceeded: -32002
        case .cancelled: -32003
        case .tooLarge: -32004
        case .tooManyRequests: -32005
        default: -32000
        }
    }
}
