"""The embedded and the docker engine side by side: start, `up`, memory, the scenarios; and the size of the image.

    .venv/bin/python benchmarks/engines.py [runs]

Needs that nothing runs here: it starts the project's engines itself, one after the other in every run, and stops them. The
image and the builds of layers are made before anything is measured.
"""

import json
import subprocess
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path

from measure import Figure, show, timed_ms

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
ENGINES = ("embedded", "docker")
# Starts the engine without templates. The process ends when the engine is ready.
START = "from harness.project import Project; import sys; Project.load(engine=sys.argv[1]).engine.start()"


def call(*command: str | Path) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def harness(*arguments: str) -> str:
    return call(BIN / "harness", *arguments)


def information() -> dict[str, object]:
    told: dict[str, object] = json.loads(harness("status", "--json"))["process"]
    return told


def main(runs: int) -> None:
    figures: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    image = ""
    try:
        for engine in ENGINES:
            harness("up", f"--engine={engine}")
            image = str(information().get("image", ""))
            harness("down")
        for _ in range(runs):
            for engine in ENGINES:

                def measure(what: str, value: float, unit: str = "ms", engine: str = engine) -> None:
                    figures[what, engine, unit].append(value)

                measure("start until ready", timed_ms(partial(call, sys.executable, "-c", START, engine)))
                harness("down")
                measure("harness up, cold", timed_ms(partial(harness, "up", f"--engine={engine}")))
                measure("harness up, nothing changed", timed_ms(partial(harness, "up")))
                measure("memory, idle", float(str(information()["memory_mib"])), "MiB")
                suite = timed_ms(partial(call, BIN / "pytest", f"--engine={engine}", "-q", "-n", "2", "scenarios"))
                measure("the scenarios, -n 2", suite / 1000, "s")
                measure("memory, after the scenarios", float(str(information()["memory_mib"])), "MiB")
                measure("harness down", timed_ms(partial(harness, "down")))
    finally:
        harness("down")
    names = dict.fromkeys(name for name, _, _ in figures)
    show(
        [
            Figure(f"{name}: {engine}", samples, unit)
            for wanted in names
            for (name, engine, unit), samples in figures.items()
            if name == wanted
        ]
    )
    if image:
        base = json.loads(call("docker", "image", "inspect", image))[0]
        print(f"image {image}: {base['Size'] / 1e6:.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
