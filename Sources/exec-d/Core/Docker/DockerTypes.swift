// The parts of Docker's answers that exec-d reads, under Docker's own names.
// It must never require a field that the API calls optional.

/// `GET /version`.
struct DockerVersion: Codable, Hashable, Sendable {
    let version: String
    let apiVersion: String
    let minAPIVersion: String?

    enum CodingKeys: String, CodingKey {
        case version = "Version"
        case apiVersion = "ApiVersion"
        case minAPIVersion = "MinAPIVersion"
    }

    /// The version whose bodies and paths this build was written for.
    static let wanted = APIVersion(major: 1, minor: 41)

    /// The version to speak: ours when Docker has it, else the oldest that it has.
    /// - Returns: nil when Docker is too old.
    var spoken: APIVersion? {
        guard let newest = APIVersion(apiVersion), newest >= Self.wanted else { return nil }
        guard let oldest = minAPIVersion.flatMap(APIVersion.init) else { return Self.wanted }
        return max(oldest, Self.wanted)
    }
}

/// A version of Docker's API, as `1.41`.
struct APIVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
    let major: Int
    let minor: Int

    init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let major = Int(parts[0]), let minor = Int(parts[1]), major >= 0, minor >= 0
        else { return nil }
        self.init(major: major, minor: minor)
    }

    var description: String { "\(major).\(minor)" }

    static func < (a: APIVersion, b: APIVersion) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
}

/// `GET /images/{id}/json`.
struct DockerImage: Codable, Hashable, Sendable {
    struct Config: Codable, Hashable, Sendable {
        let labels: [String: String]?
        enum CodingKeys: String, CodingKey { case labels = "Labels" }
    }

    let id: String
    let config: Config?

    enum CodingKeys: String, CodingKey {
        case id = "Id"
        case config = "Config"
    }

    /// Whether its engine can compute by Vulkan, by what `engine/pack` wrote on it.
    var hasVulkan: Bool { config?.labels?["infernet.engine"] == "vulkan" }
}

/// `POST /containers/create`.
struct DockerCreated: Codable, Hashable, Sendable {
    let id: String
    enum CodingKeys: String, CodingKey { case id = "Id" }
}

/// One row of `GET /containers/json`.
struct DockerListed: Codable, Hashable, Sendable {
    let id: String
    /// Each with a leading slash.
    let names: [String]?

    enum CodingKeys: String, CodingKey {
        case id = "Id"
        case names = "Names"
    }

    /// Whether this container was created under a name.
    func isNamed(_ name: String) -> Bool { names?.contains("/" + name) ?? false }
}

/// `GET /containers/{id}/json`.
struct DockerContainer: Codable, Hashable, Sendable {
    struct State: Codable, Hashable, Sendable {
        let running: Bool
        let oomKilled: Bool?
        let exitCode: Int?
        let error: String?

        enum CodingKeys: String, CodingKey {
            case running = "Running"
            case oomKilled = "OOMKilled"
            case exitCode = "ExitCode"
            case error = "Error"
        }
    }

    let id: String
    let image: String
    let state: State

    enum CodingKeys: String, CodingKey {
        case id = "Id"
        case image = "Image"
        case state = "State"
    }
}

/// `POST /containers/{id}/wait`.
struct DockerWaited: Codable, Hashable, Sendable {
    let statusCode: Int
    enum CodingKeys: String, CodingKey { case statusCode = "StatusCode" }
}

/// The body of every refusal.
struct DockerRefusal: Codable, Sendable {
    let message: String
}
