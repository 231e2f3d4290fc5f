// swift-tools-version: 6.2
// What Infernet is built from, and who may use whom. It must never hold logic: a daemon is one line here.

import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
    // One release build serves the product and its tests, so that what is tested is what is shipped.
    .unsafeFlags(["-enable-testing"], .when(configuration: .release)),
]
let linking: [LinkerSetting] = [.unsafeFlags(["-use-ld=lld"])]
// What ships carries the Swift runtime in itself and keeps its relocations packed (docs/adr/0013-one-file.md): the
// modules do not name the static runtime's own parts, so they stand here.
let shipping: [LinkerSetting] =
    linking + [
        .unsafeFlags(
            [
                "-static-stdlib", "-lFoundation", "-lCoreFoundation", "-lFoundationInternationalization",
                "-l_FoundationICU", "-lFoundationEssentials", "-l_FoundationCShims",
                "-l_FoundationCollections",
                "-lswiftSynchronization",
            ]
                + ["-z", "pack-relative-relocs", "--no-export-dynamic"].flatMap { ["-Xlinker", $0] })
    ]

let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let posix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let http1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let webSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let ssl: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let embedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let locks: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

/// A library in `Sources/Shared`.
func shared(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/Shared/\(name)", swiftSettings: strict)
}

/// A daemon: a five-line executable over a `Core` library, which is what tests import.
func daemon(_ name: String, _ core: String, _ dependencies: [Target.Dependency]) -> [Target] {
    [
        .target(name: core, dependencies: dependencies, path: "Sources/\(name)/Core", swiftSettings: strict),
        .executableTarget(
            name: name, dependencies: [.target(name: core), "DaemonKit"], path: "Sources/\(name)",
            exclude: ["Core"], swiftSettings: strict, linkerSettings: linking),
    ]
}

/// A test target mirroring one module; `data` are folders that tests read and nobody compiles.
func tests(_ name: String, _ dependencies: [Target.Dependency], data: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: data,
        // What is tested is optimized, and shipped so; optimizing what tests it costs CI minutes and tests nothing.
        swiftSettings: strict + [.unsafeFlags(["-Onone"], .when(configuration: .release))],
        linkerSettings: linking)
}

/// What the tests of a daemon's Core use besides the Core.
let coreTests: [Target.Dependency] = [
    "TestKit", "DaemonKit", "IPC", "Interfaces", "NodeModel", "NodeConfig", "Nostr", "NodeSystem", "Wire",
    crypto,
    grdb, log,
    nio, posix, http1, webSocket, embedded, locks, httpClient,
]
let daemonBase: [Target.Dependency] = [
    "DaemonKit", "IPC", "Interfaces", "NodeModel", "NodeConfig", "Wire", log, nio, locks,
]

var targets: [Target] = [
    .target(name: "CHost", path: "Sources/Shared/CHost"),
    .systemLibrary(
        name: "CSecp256k1", path: "Sources/Shared/CSecp256k1", pkgConfig: "libsecp256k1",
        providers: [.apt(["libsecp256k1-dev"])]),
    .systemLibrary(
        name: "CSeccomp", path: "Sources/Shared/CSeccomp", pkgConfig: "libseccomp",
        providers: [.apt(["libseccomp-dev"])]),
    shared("NodeSystem", ["CHost"]),
    shared("Wire"),
    shared("NodeModel", ["CSecp256k1", crypto]),
    shared("Nostr", ["NodeModel", "CSecp256k1", crypto, cryptoExtras]),
    shared("EVM", ["NodeModel"]),
    shared("Lightning", ["NodeModel"]),
    shared("X402", ["EVM", "NodeModel", "Wire"]),
    shared("NodeConfig", ["Wire", "NodeModel"]),
    shared("ConfigFile", ["NodeConfig", "Wire", yams]),
    shared("Interfaces", ["Wire", "NodeModel"]),
    shared("Policy", ["Wire", "Interfaces"]),
    shared("IPC", ["NodeSystem", "Wire", nio, posix, locks, log]),
    shared(
        "DaemonKit",
        [
            "IPC", "Policy", "NodeSystem", "Interfaces", "NodeConfig", "Wire", log, lifecycle, signals, nio,
            posix, locks,
        ]),
    shared(
        "TestKit",
        ["IPC", "Policy", "NodeSystem", "Interfaces", "Wire", "NodeModel", "NodeConfig", log, nio, posix]),
    .target(
        name: "CtlCore",
        dependencies: [
            "IPC", "Interfaces", "NodeModel", "Nostr", "NodeConfig", "ConfigFile", "Wire", "NodeSystem",
            arguments, log, nio,
            posix, locks,
        ], path: "Sources/infernetctl/Core", swiftSettings: strict),
    .executableTarget(
        name: "infernetctl", dependencies: ["CtlCore"], path: "Sources/infernetctl", exclude: ["Core"],
        swiftSettings: strict, linkerSettings: linking),
]
targets += daemon(
    "infernet-supervisor", "SupervisorCore",
    daemonBase + ["ConfigFile", "Policy", "NodeSystem", "CSeccomp", posix])
targets += daemon(
    "ledger-d", "LedgerCore",
    daemonBase + [
        "Nostr", "EVM", "Lightning", "X402", "CSecp256k1", "NodeSystem", grdb, crypto, cryptoExtras, posix,
    ])
targets += daemon("content-d", "ContentCore", daemonBase + ["NodeSystem", crypto])
targets += daemon("exec-d", "ExecCore", daemonBase + ["NodeSystem", grdb, httpClient, posix, http1])
targets += daemon("dht-d", "DHTCore", daemonBase + ["Nostr", "NodeSystem", grdb, crypto, posix])
targets += daemon(
    "ws-d", "WSCore",
    daemonBase + ["Nostr", "NodeSystem", posix, http1, webSocket, ssl, crypto, httpClient])
targets += daemon("aggregator-d", "AggregatorCore", daemonBase + ["Nostr", grdb, crypto])
targets.append(
    .executableTarget(
        name: "infernet",
        dependencies: [
            "AggregatorCore", "ContentCore", "CtlCore", "DHTCore", "DaemonKit", "ExecCore", "LedgerCore",
            "NodeSystem", "SupervisorCore", "WSCore", "Wire",
        ], swiftSettings: strict, linkerSettings: shipping))

targets += [
    tests("NodeSystemTests", ["NodeSystem", "TestKit"]),
    tests("WireTests", ["Wire"]),
    tests("NodeModelTests", ["NodeModel"]),
    tests("NostrTests", ["Nostr", "NodeModel", crypto]),
    tests("EVMTests", ["EVM", "NodeModel"], data: ["vectors"]),
    tests("X402Tests", ["X402", "EVM", "NodeModel"], data: ["vectors"]),
    tests("LightningTests", ["Lightning", "NodeModel"], data: ["vectors"]),
    tests("NodeConfigTests", ["NodeConfig", "ConfigFile", "Wire"]),
    tests("InterfacesTests", ["Interfaces", "Wire", "NodeModel"]),
    tests("PolicyTests", ["Policy", "Interfaces", "Wire", "DaemonKit", "NodeConfig"]),
    tests("IPCTests", ["IPC", "Wire", "NodeSystem", "Interfaces", "TestKit", nio, posix, log]),
    tests(
        "DaemonKitTests",
        ["DaemonKit", "IPC", "TestKit", "Wire", "Interfaces", "NodeConfig", "NodeSystem", "Policy", log]),
    tests("SupervisorCoreTests", ["SupervisorCore", "Policy", "ConfigFile"] + coreTests),
    tests(
        "LedgerCoreTests",
        ["LedgerCore", "LedgerCrashChild", "LedgerChainChild", "EVM", "Lightning", "X402", "Policy"]
            + coreTests,
        data: ["vectors"]),
    // What the crash matrix kills; never installed.
    .target(name: "ForkServer", path: "Tests/ForkServer", swiftSettings: strict),
    .executableTarget(
        name: "LedgerCrashChild",
        dependencies: ["ForkServer", "LedgerCore", "Nostr", "NodeModel", "NodeConfig", grdb, locks, log],
        path: "Tests/LedgerCrashChild", swiftSettings: strict, linkerSettings: linking),
    // The same with a chain whose memory is a file.
    .executableTarget(
        name: "LedgerChainChild",
        dependencies: [
            "ForkServer", "LedgerCore", "EVM", "X402", "Nostr", "NodeModel", "NodeConfig", "Wire", locks, log,
        ], path: "Tests/LedgerChainChild", swiftSettings: strict, linkerSettings: linking),
    tests("ContentCoreTests", ["ContentCore"] + coreTests),
    tests("ExecCoreTests", ["ExecCore"] + coreTests),
    // Nodes in virtual time, for the tests and for `make simulate`; no part of the product.
    .target(
        name: "DHTSimulation", dependencies: ["DHTCore", "NodeModel", "Nostr"], path: "Tests/DHTSimulation",
        swiftSettings: strict),
    // Clients and providers in virtual time, for the same.
    .target(
        name: "MarketSimulation", dependencies: ["AggregatorCore", "NodeModel", "Wire"],
        path: "Tests/MarketSimulation", swiftSettings: strict),
    .executableTarget(
        name: "dht-simulator", dependencies: ["DHTSimulation", "MarketSimulation", "DHTCore", arguments],
        path: "Benchmarks/dht-simulator",
        swiftSettings: strict, linkerSettings: linking),
    // The same core on real sockets, many in one process, for `make bench`; never installed.
    .executableTarget(
        name: "dht-nodes",
        dependencies: [
            "DHTSimulation", "DHTCore", "NodeSystem", "NodeModel", "Nostr", arguments, nio, posix,
        ],
        path: "Benchmarks/dht-nodes", swiftSettings: strict, linkerSettings: linking),
    // What puts a dht-d behind its walls for the tests of real processes; never installed.
    .executableTarget(
        name: "confined",
        dependencies: ["SupervisorCore", "Interfaces", "NodeConfig", "NodeSystem", "Policy", "Wire"],
        path: "Tests/Confined", swiftSettings: strict, linkerSettings: linking),
    tests("DHTCoreTests", ["DHTCore", "DHTSimulation"] + coreTests),
    tests("WSCoreTests", ["WSCore"] + coreTests),
    tests("AggregatorCoreTests", ["AggregatorCore", "MarketSimulation"] + coreTests),
    tests("CtlCoreTests", ["CtlCore", "ConfigFile", arguments] + coreTests),
    tests("ArchitectureTests", ["Policy", "Interfaces", "Wire"]),
]

// INFERNET_TESTS=WireTests,IPCTests narrows the tests that are built, for quick work on a few modules.
if let chosen = Context.environment["INFERNET_TESTS"] {
    let names = Set(chosen.split(separator: ",").map(String.init))
    targets.removeAll { $0.type == .test && !names.contains($0.name) }
}

let package = Package(
    name: "infernet",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: targets
)
