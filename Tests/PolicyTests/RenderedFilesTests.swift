// Proves that the committed unit files and docs/PRIVILEGES.md are what the tables say, and that systemd takes them and
// finds no more exposure than each row allows.

import DaemonKit
import Foundation
import NodeConfig
import Testing
import Wire

@testable import Policy

@Suite struct RenderedFilesTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// `make units` runs this with INFERNET_RECORD=1: look at the difference before it is committed.
    @Test func theCommittedFilesAreWhatTheTablesSay() throws {
        let files = FileManager.default
        if ProcessInfo.processInfo.environment["INFERNET_RECORD"] != nil {
            let folder = Self.root.appending(path: "systemd")
            for path in (try? files.subpathsOfDirectory(atPath: folder.path)) ?? []
            where RenderedFiles.all["systemd/\(path)"] == nil && path.contains("infernet") {
                try files.removeItem(at: folder.appending(path: path))
            }
            for (path, text) in RenderedFiles.all {
                let file = Self.root.appending(path: path)
                try files.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try text.write(to: file, atomically: true, encoding: .utf8)
            }
        }
        for (path, text) in RenderedFiles.all {
            let committed = try? String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
            #expect(committed == text, "\(path) is not what the tables say: make units")
        }
        let there = try files.subpathsOfDirectory(atPath: Self.root.appending(path: "systemd").path)
        for path in there where path.contains(".") && !path.hasSuffix(".d") {
            #expect(RenderedFiles.all["systemd/\(path)"] != nil, "systemd/\(path) is rendered from nothing")
        }
    }

    @Test func theTablesAgreeWithWhatOthersOwn() {
        let permanent = ExitCode.allCases.filter(\.isPermanent).map(\.rawValue)
        #expect(ServiceTable.permanentExits == permanent)
        let configuration = NodeConfiguration()
        #expect(OutsideSocket.http.unitAddress == configuration.http.listen)
        #expect(OutsideSocket.dht.unitAddress == configuration.dht.listen)
        #expect(configuration.peer.listen.isEmpty == !OutsideSocket.peer.isOnByDefault)
        #expect(configuration.dht.listen6.isEmpty == !OutsideSocket.dht6.isOnByDefault)
        #expect(
            OutsideSocket.handoff.unitAddress
                == NodePaths.handoffSocket(runDirectory: PackageLayout.run))
        for grant in Grants.all {
            #expect(
                ServiceTable.socketPath(runDirectory: "/r", callee: grant.callee, caller: grant.caller)
                    == NodePaths.socket(runDirectory: "/r", callee: grant.callee, caller: grant.caller))
        }
    }

    @Test func noDaemonHasASocketThatNoUnitBinds() {
        for row in NodeUnits.all {
            let text = RenderedFiles.all["systemd/\(UnitName.service(row.role))"] ?? ""
            for socket in UnitName.sockets(of: row) {
                #expect(text.contains(socket) && RenderedFiles.all["systemd/\(socket)"] != nil, "\(socket)")
            }
        }
    }

    @Test func systemdFindsNothingWrong() throws {
        let stage = try Stage()
        defer { stage.remove() }
        let units = RenderedFiles.all.keys.filter { $0.hasPrefix("systemd/infernet") }.map {
            String($0.dropFirst("systemd/".count))
        }
        let told = try stage.run(
            ["verify", "--man=no", "--recursive-errors=no", "--root=\(stage.path)"] + units.sorted())
        #expect(told.code == 0 && told.text.isEmpty, "\(told.text)")
    }

    @Test func theExposureIsNoMoreThanTheRowAllows() throws {
        for row in NodeUnits.all {
            let unit = Self.root.appending(path: "systemd/\(UnitName.service(row.role))").path
            let told = try Analyze.run(
                ["security", "--offline=true", "--no-pager", "--threshold=\(row.exposureTenths)", unit])
            let verdict = told.text.split(separator: "\n").last { $0.contains("exposure") } ?? ""
            #expect(told.code == 0, "\(row.role.rawValue): \(verdict)")
        }
    }
}

/// A root directory with the host's own units, ours, and programs that exist.
private struct Stage {
    let path: String

    init() throws {
        let files = FileManager.default
        path = NSTemporaryDirectory() + "/units-\(UUID().uuidString)"
        let units = path + "/lib/systemd/system"
        try files.createDirectory(atPath: path + "/lib/systemd", withIntermediateDirectories: true)
        try files.copyItem(atPath: "/lib/systemd/system", toPath: units)
        for (file, text) in RenderedFiles.all where file.hasPrefix("systemd/infernet") {
            try text.write(
                toFile: units + file.dropFirst("systemd".count), atomically: true, encoding: .utf8)
        }
        let programs =
            NodeUnits.all.map { PackageLayout.program(of: $0.role) } + [PackageLayout.hand, "/usr/bin/true"]
        for program in programs {
            let file = URL(fileURLWithPath: path + program)
            try files.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try files.copyItem(at: URL(fileURLWithPath: "/usr/bin/true"), to: file)
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    func run(_ arguments: [String]) throws -> (code: Int32, text: String) { try Analyze.run(arguments) }
}

/// systemd-analyze, which needs no systemd that runs.
enum Analyze {
    static func run(_ arguments: [String]) throws -> (code: Int32, text: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/systemd-analyze")
        process.arguments = arguments
        process.environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }
}
