// swift-tools-version:6.0
import Foundation
import PackageDescription

/// Upcoming language features, the same in every target. In CI a warning in our own code is an error.
let settings: [SwiftSetting] =
    [.enableUpcomingFeature("InternalImportsByDefault"), .enableUpcomingFeature("ExistentialAny")]
    + (ProcessInfo.processInfo.environment["CI"] == nil ? [] : [.unsafeFlags(["-warnings-as-errors"])])

let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")
let asyncAlgorithms = Target.Dependency.product(name: "AsyncAlgorithms", package: "swift-async-algorithms")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let nio: [Target.Dependency] = ["NIOCore", "NIOPosix", "NIOHTTP1"].map { .product(name: $0, package: "swift-nio") }

let package = Package(
    name: "gondola",
    platforms: [.macOS(.v15), .iOS(.v18)],
    products: [
        .library(name: "VideoModels", targets: ["VideoModels"]),
        .library(name: "FeedSync", targets: ["FeedSync", "FeedURLSession"]),
        .executable(name: "gondola", targets: ["gondola"]),
        .executable(name: "venice-simulator", targets: ["venice-simulator"]),
    ],
    // Exact versions: the same sources whether they come from these addresses or from a local mirror (deploy/bootstrap).
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", exact: "2.65.0"),
        .package(url: "https://github.com/apple/swift-log.git", exact: "1.5.4"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.4.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", exact: "3.0.0"),
        .package(url: "https://github.com/apple/swift-collections.git", exact: "1.1.3"),
        .package(url: "https://github.com/apple/swift-async-algorithms.git", exact: "1.0.1"),
    ],
    targets: [
        // The system's C libraries, found through pkg-config.
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CSecp256k1", pkgConfig: "libsecp256k1", providers: [.apt(["libsecp256k1-dev"])]),
        .systemLibrary(name: "CXattr"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // Steps at which a test may end the process. Compiled in for debug builds alone, where tests run: a release has an
        // empty function in their place and not even the names (`make build` looks for them in its programs).
        .target(name: "Failpoints"),

        // Values and decisions: no I/O, no clock, no C, no logger.
        .target(name: "VideoModels"),
        .target(name: "JobLifecycle", dependencies: ["VideoModels"]),

        // What a phone does with the feed: follows it over any HTTP, and keeps its copy in a file. Foundation alone.
        .target(name: "FeedSync", dependencies: ["VideoModels"]),
        // Apart, since the server has no use for `URLSession` and would load it.
        .target(name: "FeedURLSession", dependencies: ["FeedSync", "VideoModels"]),

        // Adapters: each owns one outside thing, and none knows another.
        .target(name: "HTTPTransport", dependencies: ["CCurl", "CZlib"]),
        .target(name: "VeniceTransport", dependencies: ["VideoModels", "HTTPTransport", "Failpoints", "CSecp256k1"]),
        .target(
            name: "JobStore",
            dependencies: ["VideoModels", "JobLifecycle", "Failpoints", "CLibpq", collections, crypto, logging],
            resources: [.embedInCode("migrations")]),
        .target(name: "ObjectStorage", dependencies: ["VideoModels", "HTTPTransport", "Failpoints", "CXattr", crypto]),

        // The shell: where the adapters meet.
        .target(
            name: "SyncService",
            dependencies: [
                "VideoModels", "FeedSync", "JobLifecycle", "HTTPTransport", "VeniceTransport", "JobStore",
                "ObjectStorage", "Failpoints", asyncAlgorithms, collections, crypto, logging,
            ] + nio),
        .executableTarget(
            name: "gondola",
            dependencies: [
                "VideoModels", "FeedSync", "JobLifecycle", "JobStore", "SyncService", argumentParser, logging,
            ]),

        // The upstream's double. Nothing above imports it.
        .target(
            name: "VeniceSimulator", dependencies: ["CSecp256k1", collections, crypto, logging] + nio,
            resources: [.copy("Resources")]),
        .executableTarget(
            name: "venice-simulator", dependencies: ["VeniceSimulator", argumentParser, logging]),

        // Figures against a limit or a peer, and the bytes that a fuzzer gives to every reader. Neither is shipped.
        .executableTarget(
            name: "gondola-bench",
            dependencies: [
                "VideoModels", "JobLifecycle", "HTTPTransport", "VeniceTransport", "JobStore", "ObjectStorage",
                "SyncService", argumentParser, logging,
            ],
            path: "Benchmarks", exclude: ["Peers"]),
        .target(
            name: "FuzzExercise", dependencies: ["VideoModels", "HTTPTransport", "VeniceTransport", "ObjectStorage"],
            path: "Fuzz/Exercise"),

        .target(
            name: "TestSupport",
            dependencies: [
                "VideoModels", "JobLifecycle", "HTTPTransport", "JobStore", "ObjectStorage", "VeniceSimulator", logging,
            ],
            path: "Tests/TestSupport"),
        .testTarget(
            name: "VideoModelsTests", dependencies: ["VideoModels", "TestSupport"], exclude: ["Fixtures"]),
        .testTarget(
            name: "FeedSyncTests",
            dependencies: [
                "FeedSync", "FeedURLSession", "VideoModels", "SyncService", "JobStore", "JobLifecycle", "TestSupport",
            ]),
        .testTarget(name: "JobLifecycleTests", dependencies: ["JobLifecycle", "VideoModels", "TestSupport"]),
        .testTarget(name: "HTTPTransportTests", dependencies: ["HTTPTransport", "TestSupport"] + nio),
        .testTarget(
            name: "VeniceTransportTests",
            dependencies: [
                "VeniceTransport", "HTTPTransport", "JobLifecycle", "VideoModels", "VeniceSimulator", "TestSupport",
            ],
            resources: [.copy("Fixtures")]),
        .testTarget(
            name: "JobStoreTests", dependencies: ["JobStore", "JobLifecycle", "VideoModels", "TestSupport", logging],
            resources: [.copy("Fixtures")]),
        .testTarget(
            name: "ObjectStorageTests",
            dependencies: ["ObjectStorage", "HTTPTransport", "VideoModels", "TestSupport", crypto]),
        .testTarget(
            name: "SyncServiceTests",
            dependencies: [
                "SyncService", "JobStore", "JobLifecycle", "ObjectStorage", "VeniceTransport", "HTTPTransport",
                "VideoModels", "VeniceSimulator", "TestSupport", crypto, logging,
            ] + nio),
        .testTarget(
            name: "gondolaTests",
            dependencies: [
                "gondola", "FeedSync", "SyncService", "JobStore", "VideoModels", "TestSupport", argumentParser,
            ]),
        .testTarget(
            name: "VeniceSimulatorTests",
            dependencies: ["VeniceSimulator", "VeniceTransport", "VideoModels", "HTTPTransport", "TestSupport"]),
        // A process that dies in the middle of its work on files, for `ObjectStorageTests`, which must not be linked with it.
        .target(name: "CKillPoint", path: "Tests/CKillPoint"),
        .executableTarget(
            name: "store-writer", dependencies: ["ObjectStorage", "CKillPoint"], path: "Tests/StoreWriter"),

        .testTarget(name: "FuzzTests", dependencies: ["FuzzExercise"]),
        .testTarget(name: "BenchmarkTests", dependencies: ["gondola-bench"]),
        // The whole product on real parts, for the tests that kill it.
        .target(
            name: "StackSupport",
            dependencies: [
                "SyncService", "JobStore", "VideoModels", "HTTPTransport", "VeniceSimulator", "TestSupport",
            ],
            path: "Tests/StackSupport"),
        // `gondola run` without its command line, which takes seconds to check itself in a debug build.
        .executableTarget(
            name: "crash-worker", dependencies: ["SyncService", "Failpoints", logging], path: "Tests/CrashWorker"),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "FeedSync", "SyncService", "JobStore", "JobLifecycle", "VideoModels", "HTTPTransport",
                "VeniceSimulator", "TestSupport", "StackSupport", logging,
            ]),
        .testTarget(
            name: "CrashTests",
            dependencies: [
                "FeedSync", "SyncService", "JobStore", "JobLifecycle", "ObjectStorage", "VideoModels", "HTTPTransport",
                "VeniceSimulator", "Failpoints", "TestSupport", "StackSupport",
            ],
            exclude: ["README.md"]),
    ],
    swiftLanguageModes: [.v6]
)

// `make fuzz` builds only what reads bytes from outside, instrumented, and fetches nothing for it: of `ObjectStorage` the
// check of video files alone.
if ProcessInfo.processInfo.environment["GONDOLA_FUZZ"] != nil {
    let ofVideos = ["Video", "ObjectStoreError.swift"]
    let rest = try? FileManager.default.contentsOfDirectory(atPath: Context.packageDirectory + "/Sources/ObjectStorage")
    let readers = [
        "Failpoints", "CCurl", "CSecp256k1", "CZlib", "VideoModels", "HTTPTransport", "VeniceTransport", "FuzzExercise",
    ]
    package.dependencies = []
    package.products = []
    package.targets =
        package.targets.filter { readers.contains($0.name) } + [
            .target(
                name: "ObjectStorage",
                exclude: ["Video/VideoFileCheck+File.swift"] + (rest ?? []).filter { !ofVideos.contains($0) },
                sources: ofVideos),
            .executableTarget(name: "gondola-fuzz", dependencies: ["FuzzExercise"], path: "Fuzz/Target"),
        ]
}

for target in package.targets where target.type != .system {
    target.swiftSettings = settings
}

for target in package.targets where ["Failpoints", "CrashTests"].contains(target.name) {
    target.swiftSettings? += [.define("FAILPOINTS", .when(configuration: .debug))]
    // The names of an enum's cases stand in its reflection metadata.
    if target.name == "Failpoints" {
        target.swiftSettings? += [
            .unsafeFlags(["-Xfrontend", "-disable-reflection-metadata"], .when(configuration: .release))
        ]
    }
}
