"""A whole node whose engines compute by Vulkan, with Mesa's software driver (lavapipe) in the place of a GPU's. Proves that a
real question goes that way, by llama-server's own words, through every wall of an engine's container; and that whatever is
missing on that way leaves the CPU, with its reason. It must never use a GPU, nor pass a figure off as one of a GPU."""

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "EndToEnd"))

from node import IMAGE, MODEL, Node, docker  # noqa: E402
from waiting import eventually  # noqa: E402

QUESTION = "What is the capital of France? Answer in one sentence."
SPEEDS = {}


def engine_node(case, devices, image=IMAGE):
    """A node with a warm engine on these devices."""
    # A CPU that plays a GPU compiles the shaders for itself, and then takes a second for a token on a busy machine.
    patience = "".join(f"  {key}: 300000\n" for key in ("load_ms", "first_token_ms", "next_token_ms"))
    node = Node(extra=f'exec:\n  image: "{image}"\n  warm: [{MODEL}]\n  devices: "{devices}"\n  memory_mib: 2048\n{patience}')
    case.addCleanup(node.destroy)
    node.start().add_model()
    eventually(lambda: any(e["state"] == "ready" for e in node.call("exec-d", "exec.inventory")["engines"]), 300,
               "a warm engine")
    return node


def computing(node):
    """What exec-d says that engines compute with."""
    health = node.call("exec-d", "control.health")
    return next(check for check in health["checks"] if check["name"] == "computing")


def ask(node, label):
    """A real answer; its speed is kept for the end."""
    began = time.monotonic()
    status, _, body = node.request("POST", "/v1/chat/completions", {
        "model": MODEL, "temperature": 0, "max_tokens": 48, "messages": [{"role": "user", "content": QUESTION}]}, timeout=500)
    took = time.monotonic() - began
    assert status == 200, body
    answer = json.loads(body)
    SPEEDS[label] = answer["usage"]["completion_tokens"] / took
    return answer["choices"][0]["message"]["content"]


def container(node):
    """The engine's container as Docker shows it."""
    (name,) = node.labelled_containers()
    return docker("GET", f"/v1.41/containers/{name}/json")


class VulkanTests(unittest.TestCase):
    def test_a_question_goes_by_vulkan_through_all_walls(self):
        node = engine_node(self, "software")
        self.assertIn("Paris", ask(node, "software Vulkan"))
        self.assertTrue(computing(node)["ok"])
        self.assertIn("llvmpipe", computing(node)["reason"])
        told = node.call("exec-d", "exec.inventory")["engine_devices"]
        self.assertEqual([device["kind"] for device in told], ["cpu"], "it is no GPU, and is not told as one")
        shown = container(node)
        host = shown["HostConfig"]
        self.assertEqual(shown["Image"], IMAGE)
        self.assertEqual((host["NetworkMode"], host["CapDrop"], host["SecurityOpt"], host["ReadonlyRootfs"], host["Privileged"]),
                         ("none", ["ALL"], ["no-new-privileges"], True, False))
        self.assertFalse(host["Devices"] or host["DeviceRequests"] or host["GroupAdd"] or host["CapAdd"])
        self.assertEqual(shown["Config"]["User"], "65534:65534" if os.geteuid() == 0 else f"{os.geteuid()}:{os.getegid()}")
        self.assertEqual(shown["Config"]["Cmd"][-2:], ["-ngl", "99"])
        self.assertIn("GGML_VK_VISIBLE_DEVICES=0", shown["Config"]["Env"])
        # The software driver is in the engine's memory: it did not only say so.
        with open(f"/proc/{shown['State']['Pid']}/maps", encoding="utf-8") as maps:
            self.assertIn("libvulkan_lvp.so", maps.read())
        words = self.words_of_the_same(shown)
        self.assertRegex(words, r"using device Vulkan0 \(llvmpipe")
        self.assertRegex(words, r"offloaded (\d+)/\1 layers to GPU")

    def words_of_the_same(self, shown):
        """What llama-server logs in a container that differs by how much it says and where its socket lies."""
        with tempfile.TemporaryDirectory(prefix="inf-", dir="/tmp") as folder:
            os.chmod(folder, 0o777)
            words = list(shown["Config"]["Cmd"])
            words[words.index("--log-verbosity") + 1] = "4"
            host = json.loads(json.dumps(shown["HostConfig"]))
            for mount in host["Mounts"]:
                if mount["Target"] == "/run/job":
                    mount["Source"] = folder
            body = {"Image": shown["Image"], "Entrypoint": shown["Config"]["Entrypoint"], "Cmd": words,
                    "Env": shown["Config"]["Env"], "User": shown["Config"]["User"], "NetworkDisabled": True,
                    "HostConfig": host}
            made = post("/v1.41/containers/create", body)["Id"]
            self.addCleanup(docker, "DELETE", f"/v1.41/containers/{made}?force=1")
            post(f"/v1.41/containers/{made}/start", None)
            read = lambda: docker("GET", f"/v1.41/containers/{made}/logs?stdout=1&stderr=1", raw=True).decode(errors="replace")
            eventually(lambda: "layers to GPU" in read() or not docker(
                "GET", f"/v1.41/containers/{made}/json")["State"]["Running"], 300, "the engine's words")
            return read()

    def test_without_a_gpu_the_cpu_computes_and_the_node_is_well(self):
        for devices, reason in (("auto", ""), ("none", "exec.devices is 'none'"),
                                ("renderD250,GPU-0", "names renderD250, GPU-0, which is not here")):
            with self.subTest(devices):
                if devices == "auto" and os.path.exists("/dev/dri"):
                    self.skipTest("this machine has a GPU")
                node = engine_node(self, devices)
                self.assertIn("Paris", ask(node, "the CPU, image for GPUs"))
                self.assertIn("engines compute on the CPU: ", computing(node)["reason"])
                self.assertIn(reason, computing(node)["reason"])
                self.assertTrue(computing(node)["ok"])
                self.assertEqual(node.daemon("exec-d")["state"], "ready")
                self.assertNotIn("-ngl", container(node)["Config"]["Cmd"])
                self.assertIn(computing(node)["reason"], node.ctl("doctor", timeout=180).stdout)
                node.stop()

    def test_the_image_for_the_cpu_is_given_nothing(self):
        node = engine_node(self, "software", os.environ["INFERNET_CPU_IMAGE"])
        self.assertIn("Paris", ask(node, "the CPU, image for the CPU"))
        self.assertIn("engine/load vulkan", computing(node)["reason"])
        self.assertNotIn("-ngl", container(node)["Config"]["Cmd"])

    @classmethod
    def tearDownClass(cls):
        print("\ntokens/s of one answer with its prompt, on this machine's CPU either way:")
        for label, speed in sorted(SPEEDS.items()):
            print(f"  {label}: {speed:.1f}")


def post(path, body):
    """One POST to Docker."""
    done = subprocess.run(
        ["curl", "-s", "-X", "POST", "--unix-socket", os.environ.get("DOCKER_SOCK", "/var/run/docker.sock"),
         "-H", "Content-Type: application/json", *(["-d", json.dumps(body)] if body else []), "http://docker" + path],
        capture_output=True, timeout=60, check=True)
    return json.loads(done.stdout) if done.stdout.strip() else None


if __name__ == "__main__":
    unittest.main()
