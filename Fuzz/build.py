#!/usr/bin/env python3
# build.py: compiles the modules under test with libFuzzer and AddressSanitizer and links one program per group of
# targets against the product's own objects. What has not changed by content is not built again.
# It must never know a compiler flag that Package.swift decides: those are read from the plan of the product's build.

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / ".build" / "fuzz"
TARGETS = ROOT / "Fuzz" / "targets"
SANITIZE = ["-sanitize=fuzzer,address"]
# The program's name is its file in targets/; the product lends every object that is not instrumented here.
PROGRAMS = {
    "Wire": ("content-d", ["Wire", "NodeModel", "Interfaces"]),
    "Nostr": ("ws-d", ["NodeModel", "Nostr"]),
    "WS": ("ws-d", ["Wire", "NodeModel", "WSCore"]),
    "Exec": ("exec-d", ["Wire", "NodeModel", "ExecCore"]),
    "DHT": ("dht-d", ["NodeModel", "DHTCore"]),
    "Coins": ("ledger-d", ["Wire", "NodeModel", "EVM", "Lightning", "X402", "LedgerCore"]),
    "Content": ("content-d", ["Wire", "ContentCore"]),
}
# Dropped from the product's compile command, with the number of words that follow: what names its outputs, and -O.
# Without the optimizer the same checks trap, the edges are those of the source, and the build takes a quarter.
DROPPED = {
    "-emit-dependencies": 0, "-emit-module": 0, "-emit-module-path": 1, "-output-file-map": 1, "-c": 0,
    "-serialize-diagnostics": 0, "-parseable-output": 0, "-emit-objc-header": 0, "-emit-objc-header-path": 1,
    "-O": 0, "-num-threads": 1, "-j2": 0, "-warnings-as-errors": 0, "-gnone": 0,
    "-o": 1, "-module-name": 1, "-emit-executable": 0,
}


class Plan:
    """The commands of the last `swift build`, by the name of their node."""

    def __init__(self, text):
        self.nodes = {}
        for name, body in re.findall(r'^  "(C\.[^"]+)":\n((?:    .*\n)+)', text, re.M):
            fields = dict(re.findall(r"^    (inputs|args): (\[.*\])$", body, re.M))
            key = re.sub(r"-[^-]+-unknown-linux-gnu-release", "", name)
            self.nodes[key] = {field: json.loads(value) for field, value in fields.items()}

    def node(self, name):
        found = self.nodes.get(name)
        if found is None or "args" not in found:
            sys.exit(f"The product's build has no {name}. Run packaging/dev/build first.")
        return found

    def sources(self, module):
        return [path for path in self.node(f"C.{module}.module")["inputs"] if path.endswith(".swift")]

    def closure(self, module):
        """The module and all that it is compiled against: a changed layout there changes its code."""
        seen, queue = set(), [module]
        while queue:
            name = queue.pop()
            if name in seen or f"C.{name}.module" not in self.nodes:
                continue
            seen.add(name)
            inputs = self.node(f"C.{name}.module")["inputs"]
            queue += [pathlib.Path(path).stem for path in inputs if path.endswith(".swiftmodule")]
        return sorted(seen)

    def flags(self, name):
        """The arguments of a command without its program, its outputs and its list of sources."""
        args, kept, skip = self.node(name)["args"][1:], [], 0
        for arg in args:
            if skip:
                skip -= 1
            elif arg in DROPPED:
                skip = DROPPED[arg]
            elif not arg.startswith("@"):
                kept.append(arg)
        return kept


def link_flags(plan, product):
    """The libraries and search paths of the product; its entry point is not wanted."""
    words = iter(plan.flags(f"C.{product}.exe"))
    kept = []
    for word in words:
        if word == "-Xlinker":
            option = next(words)
            if option == "--gc-sections" or option.startswith("-rpath"):
                kept += [word, option]
        else:
            kept.append(word)
    return kept


def key_of(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode())
    return digest.hexdigest()[:20]


def contents(paths):
    return [(str(path), hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()) for path in paths]


def run(command, what):
    environment = {**os.environ, "TMPDIR": str(OUT / "tmp")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{what} failed:\n{(done.stdout + done.stderr)[-6000:]}")


def cached(kind, name, key, build):
    """The file that `build` makes for this key; older ones of the same name are removed."""
    folder = OUT / kind
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{key}"
    if not path.exists():
        fresh = path.with_suffix(".new")
        build(fresh)
        for old in folder.glob(f"{name}-*"):
            if old != fresh:
                old.unlink()
        fresh.rename(path)
    return path


def compile_module(plan, module, compiler):
    flags = plan.flags(f"C.{module}.module")
    sources = plan.sources(module)
    seen = [path for name in plan.closure(module) for path in plan.sources(name)]
    key = key_of(compiler, flags, SANITIZE, contents(sources), contents(seen))

    def build(path):
        print(f"fuzz: instrumenting {module}", file=sys.stderr, flush=True)
        run(["swiftc", "-module-name", module, "-Onone", "-wmo", "-gline-tables-only", *SANITIZE, *flags,
             "-c", *sources, "-o", str(path)], f"compiling {module}")

    # The linker goes by the ending.
    return cached("objects", module, key + ".o", build)


def link_program(plan, name, objects):
    product, modules = PROGRAMS[name]
    replaced = tuple(f"/{folder}.build/" for folder in [*modules, product])
    lent = [path for path in plan.node(f"C.{product}.exe")["inputs"]
            if path.endswith(".o") and not any(folder in path for folder in replaced)]
    missing = [path for path in lent if not os.path.exists(path)]
    if missing:
        sys.exit(f"{missing[0]} is missing. Run packaging/dev/build first.")
    sources = [str(TARGETS / "Entry.swift"), *map(str, sorted(TARGETS.glob(f"{name}*.swift")))]
    # Clang modules are found as the instrumented modules found them; the last one uses all the others.
    flags = plan.flags(f"C.{modules[-1]}.module")
    lent_state = [(path, os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in lent]
    key = key_of(flags, contents(sources), [str(objects[module]) for module in modules], lent_state)

    def build(path):
        print(f"fuzz: linking {name}", file=sys.stderr, flush=True)
        main = f"{path}.main.o"
        run(["swiftc", "-module-name", f"Fuzz{name}", "-Onone", "-wmo", *SANITIZE, *flags, "-c", *sources,
             "-o", main], f"compiling targets/{name}.swift")
        files = OUT / "tmp" / f"{name}.objects"
        files.write_text("".join(f"'{file}'\n" for file in [main, *(objects[m] for m in modules), *lent]))
        # The driver lays a file named for the module beside the program: two links at once must not share it.
        run(["swiftc", "-module-name", f"Fuzz{name}", *SANITIZE, *link_flags(plan, product), f"@{files}", "-o", str(path)],
            f"linking {name}")
        os.unlink(main)

    program = cached("programs", name, key, build)
    fixed = OUT / "programs" / name
    fixed.unlink(missing_ok=True)
    fixed.symlink_to(program.name)


def main():
    names = [name for name in PROGRAMS if name in sys.argv[1:]] or list(PROGRAMS)
    (OUT / "tmp").mkdir(parents=True, exist_ok=True)
    plan_file = ROOT / ".build" / "release.yaml"
    if not plan_file.exists():
        sys.exit("There is no .build/release.yaml. Run packaging/dev/build first.")
    plan = Plan(plan_file.read_text())
    compiler = subprocess.run(["swiftc", "--version"], capture_output=True, text=True, check=True).stdout
    modules = list(dict.fromkeys(module for name in names for module in PROGRAMS[name][1]))
    with ThreadPoolExecutor(2) as pool:
        built = pool.map(lambda module: compile_module(plan, module, compiler), modules)
        objects = dict(zip(modules, built))
        list(pool.map(lambda name: link_program(plan, name, objects), names))


main()
