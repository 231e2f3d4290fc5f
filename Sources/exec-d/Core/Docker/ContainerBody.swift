// The body of Docker's `POST /containers/create`, as far as exec-d uses it, under Docker's names.
// It must never have a member that the template does not fill in: what is not here cannot be asked for.

import FoundationEssentials
import Wire

/// What Docker is asked to create.
struct ContainerBody: Codable, Hashable, Sendable {
    struct Limit: Codable, Hashable, Sendable {
        let name: String
        let soft: Int
        let hard: Int

        enum CodingKeys: String, CodingKey {
            case name = "Name"
            case soft = "Soft"
            case hard = "Hard"
        }
    }

    struct Log: Codable, Hashable, Sendable {
        let type: String
        let config: [String: String]

        enum CodingKeys: String, CodingKey {
            case type = "Type"
            case config = "Config"
        }
    }

    /// A bind mount. Unlike a bind in text form it takes any path, and never makes a folder that is missing.
    struct Mount: Codable, Hashable, Sendable {
        let type: String
        let source: String
        let target: String
        let readOnly: Bool

        enum CodingKeys: String, CodingKey {
            case type = "Type"
            case source = "Source"
            case target = "Target"
            case readOnly = "ReadOnly"
        }
    }

    /// What a driver of Docker's own adds, as NVIDIA's container toolkit: nodes and the libraries that belong to them.
    struct DeviceRequest: Codable, Hashable, Sendable {
        let driver: String
        let deviceIDs: [String]
        let capabilities: [[String]]

        enum CodingKeys: String, CodingKey {
            case driver = "Driver"
            case deviceIDs = "DeviceIDs"
            case capabilities = "Capabilities"
        }
    }

    /// A device node.
    struct Node: Codable, Hashable, Sendable {
        let onHost: String
        let inContainer: String
        /// Of `r`, `w` and `m`, which would let it make nodes.
        let permissions: String

        enum CodingKeys: String, CodingKey {
            case onHost = "PathOnHost"
            case inContainer = "PathInContainer"
            case permissions = "CgroupPermissions"
        }
    }

    struct Host: Codable, Hashable, Sendable {
        let networkMode: String
        let readonlyRootfs: Bool
        let capDrop: [String]
        let securityOpt: [String]
        /// Bytes; equal to `memorySwap`, so that there is no swap.
        let memory: Int64
        let memorySwap: Int64
        /// Billionths of a CPU.
        let nanoCPUs: Int64
        let pidsLimit: Int
        let ipcMode: String
        let tmpfs: [String: String]
        let ulimits: [Limit]
        let logConfig: Log
        let mounts: [Mount]
        let oomScoreAdj: Int
        /// Nil, all three, for an engine that computes on the CPU.
        var deviceRequests: [DeviceRequest]?
        var devices: [Node]?
        var groupAdd: [String]?

        enum CodingKeys: String, CodingKey {
            case networkMode = "NetworkMode"
            case readonlyRootfs = "ReadonlyRootfs"
            case capDrop = "CapDrop"
            case securityOpt = "SecurityOpt"
            case memory = "Memory"
            case memorySwap = "MemorySwap"
            case nanoCPUs = "NanoCpus"
            case pidsLimit = "PidsLimit"
            case ipcMode = "IpcMode"
            case tmpfs = "Tmpfs"
            case ulimits = "Ulimits"
            case logConfig = "LogConfig"
            case mounts = "Mounts"
            case oomScoreAdj = "OomScoreAdj"
            case deviceRequests = "DeviceRequests"
            case devices = "Devices"
            case groupAdd = "GroupAdd"
        }
    }

    let image: String
    let entrypoint: [String]
    let cmd: [String]
    let user: String
    let networkDisabled: Bool
    let labels: [String: String]
    /// Beside the image's own.
    var env: [String]?
    let hostConfig: Host

    enum CodingKeys: String, CodingKey {
        case image = "Image"
        case entrypoint = "Entrypoint"
        case cmd = "Cmd"
        case user = "User"
        case networkDisabled = "NetworkDisabled"
        case labels = "Labels"
        case env = "Env"
        case hostConfig = "HostConfig"
    }

    /// The JSON that is sent: equal bodies give equal bytes.
    func json() throws -> [UInt8] { Array(try WireCoding.encoder.encode(self)) }
}
