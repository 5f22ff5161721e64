"""Memory of the engine with its functions' processes, its threads, handles and connections: idle, and after the whole test
suite has run on it.

    .venv/bin/python benchmarks/suite_memory.py

Needs that nothing runs: it starts the project's engine itself and stops it.
"""

import json
import subprocess
import sys
from pathlib import Path

import psutil
from measure import Figure, show, timed_ms

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


def harness(*arguments: str) -> str:
    return subprocess.run([BIN / "harness", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def memory() -> float:
    return float(json.loads(harness("status", "--json"))["process"]["memory_mib"])


def held(when: str) -> list[Figure]:
    """What the engine's process holds now."""
    engine = json.loads((ROOT / ".harness" / "engine.json").read_text())
    process = psutil.Process(engine["pid"])
    connections = [c for c in process.net_connections("tcp") if c.status == psutil.CONN_ESTABLISHED]
    to_itself = sum(c.raddr != () and c.raddr.port == engine["port"] for c in connections)
    return [
        Figure(f"engine {when}: memory", [memory()], "MiB"),
        Figure(f"engine {when}: threads", [process.num_threads()], ""),
        Figure(f"engine {when}: file handles", [process.num_fds()], ""),
        Figure(f"engine {when}: connections", [len(connections)], ""),
        Figure(f"engine {when}: connections to itself", [to_itself], "", "0"),
    ]


def main() -> None:
    harness("up")
    try:
        idle = held("idle")
        suite = timed_ms(
            lambda: subprocess.run([BIN / "pytest", "-q", "-n", "2"], cwd=ROOT, check=True, capture_output=True)
        )
        after = held("after the suite")
    finally:
        harness("down")
    show([*idle, *after, Figure("the suite, -n 2", [suite / 1000], "s")])


if __name__ == "__main__":
    main()
