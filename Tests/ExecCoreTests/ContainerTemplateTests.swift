// Proves what Docker is asked to create, byte for byte: the container's walls are this text.
// A change here is a change of the node's security and must be read as one.

import Foundation
import NodeConfig
import NodeModel
import Testing
import Wire

@testable import ExecCore

@Suite struct ContainerTemplateTests {
    private let image = "sha256:" + Digest(hashing: "image").hex

    @Test func theBodyIsExactlyThis() throws {
        let template = try ContainerTemplate(
            image: image, node: "0123456789abcdef", user: "65534:65534", limits: .init(ExecSection()))
        let root = Digest(hashing: "model")
        let body = template.body(
            modelRoot: root, modelPath: "/store/with:colon/m", folder: "/run/infernet/exec-d/e/x-1")
        let expected = """
            {"Cmd":["--","/bin/llama-server","-m","/models/model.gguf","--host","/run/job/llm.sock","-c","4096","-np","2",\
            "-t","1","--threads-http","6","-b","64","-ub","64","-n","4096","-cram","0","--log-verbosity","1","--no-ui","--offline"],\
            "Entrypoint":["/bin/sockrelay"],"HostConfig":{"CapDrop":["ALL"],"IpcMode":"none","LogConfig":{"Config":\
            {"max-file":"1","max-size":"1m"},"Type":"json-file"},"Memory":805306368,"MemorySwap":805306368,"Mounts":\
            [{"ReadOnly":true,"Source":"/store/with:colon/m","Target":"/models/model.gguf","Type":"bind"},{"ReadOnly":\
            false,"Source":"/run/infernet/exec-d/e/x-1","Target":"/run/job","Type":"bind"}],"NanoCpus":2000000000,\
            "NetworkMode":"none","OomScoreAdj":500,"PidsLimit":64,"ReadonlyRootfs":true,"SecurityOpt":\
            ["no-new-privileges"],"Tmpfs":{"/tmp":"rw,noexec,nosuid,nodev,size=16m,mode=1777"},"Ulimits":[{"Hard":0,\
            "Name":"core","Soft":0},{"Hard":1024,"Name":"nofile","Soft":1024}]},"Image":"\(image)","Labels":\
            {"infernet.model":"\(root.hex)","infernet.node":"0123456789abcdef"},"NetworkDisabled":true,\
            "User":"65534:65534"}
            """
        #expect(String(decoding: try body.json(), as: UTF8.self) == expected)
    }

    /// What devices add, and that they take no wall away: the rest is the body above.
    @Test func devicesAddTheseMembersAndTakeNone() throws {
        let template = try ContainerTemplate(
            image: image, node: "0123456789abcdef", user: "65534:65534", limits: .init(ExecSection()))
        let root = Digest(hashing: "model")
        func json(_ devices: DeviceChoice) throws -> String {
            let body = template.body(modelRoot: root, modelPath: "/m", folder: "/f", devices: devices)
            return String(decoding: try body.json(), as: UTF8.self)
        }
        let plain = try json(DeviceChoice())
        let large = plain.replacingOccurrences(
            of: #""-b","64","-ub","64""#, with: #""-b","512","-ub","512""#)
        func with(_ text: String, after mark: String, _ members: String) -> String {
            text.replacingOccurrences(of: mark, with: mark + members)
                .replacingOccurrences(of: #""--offline"]"#, with: #""--offline","-ngl","99"]"#)
                .replacingOccurrences(of: #""PidsLimit":64"#, with: #""PidsLimit":320"#)
        }
        let drop = #""CapDrop":["ALL"],"#
        let (h200, radeon, arc) = (
            DeviceChoiceTests.h200, DeviceChoiceTests.radeon, DeviceChoiceTests.arc
        )
        #expect(
            try json(DeviceChoice(given: [h200, DeviceChoiceTests.second]))
                == with(
                    large, after: drop,
                    #""DeviceRequests":[{"Capabilities":[["gpu","compute","utility","graphics"]],"#
                        + #""DeviceIDs":["GPU-8f6d2c1a","GPU-00000002"],"Driver":"nvidia"}],"#))
        let nodes =
            #""Devices":[{"CgroupPermissions":"rw","PathInContainer":"/dev/dri/renderD128","#
            + #""PathOnHost":"/dev/dri/renderD128"},{"CgroupPermissions":"rw","#
            + #""PathInContainer":"/dev/dri/renderD129","PathOnHost":"/dev/dri/renderD129"}],"GroupAdd":["105"],"#
        #expect(try json(DeviceChoice(given: [radeon, arc])) == with(large, after: drop, nodes))
        let cmd = #""Entrypoint":["/bin/sockrelay"],"#
        let variables =
            #""Env":["VK_DRIVER_FILES=/usr/share/vulkan/icd.d/lvp.json","GGML_VK_VISIBLE_DEVICES=0"],"#
        let software = try json(DeviceChoice(isSoftware: true))
        #expect(
            software
                == with(plain, after: cmd, "").replacingOccurrences(of: cmd, with: cmd + variables))
    }

    /// The container that looks has an engine's walls, and nothing to read or write.
    @Test func theContainerThatLooksHasNoModel() throws {
        let template = try ContainerTemplate(
            image: image, node: "n", user: "1:1", limits: .init(ExecSection()))
        let choice = DeviceChoice(given: [DeviceChoiceTests.radeon])
        let body = template.sightBody(choice)
        #expect(body.cmd == ["--", "/bin/llama-server", "--list-devices"] && body.hostConfig.mounts.isEmpty)
        #expect(body.labels == [ContainerTemplate.nodeLabel: "n"])
        let engine = template.body(
            modelRoot: Digest(hashing: "m"), modelPath: "/m", folder: "/f", devices: choice)
        #expect(body.hostConfig.devices == engine.hostConfig.devices)
        #expect(body.networkDisabled && body.hostConfig.capDrop == ["ALL"] && body.hostConfig.readonlyRootfs)
    }

    @Test(arguments: [
        "", "infernet/engine:0.3.36", "sha256:abc", "sha256:" + String(repeating: "G", count: 64),
    ])
    func onlyAnImageIdIsTaken(image: String) {
        #expect(throws: WireError(.configInvalid, "")) {
            _ = try ContainerTemplate(image: image, node: "n", user: "1:1", limits: .init(ExecSection()))
        }
    }

    @Test func aPathTooLongForASocketIsSaid() throws {
        let folder = EngineFolder(
            runDirectory: "/run/" + String(repeating: "x", count: 100), foreignUser: false)
        let problem = try #require(folder.problem("abc-1"))
        #expect(problem.code == .configInvalid)
        #expect(problem.message.contains("107"))
        #expect(
            EngineFolder(runDirectory: "/run/infernet/exec-d", foreignUser: false).problem("abc-1") == nil)
    }
}
