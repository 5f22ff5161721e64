"""Memory of the engine with its functions' processes: idle, and after the whole test suite has run on it.

    .venv/bin/python benchmarks/suite_memory.py

Needs that nothing runs: it starts the project's engine itself and stops it.
"""

import json
import subprocess
import sys
from pathlib import Path

from measure import Figure, show, timed_ms

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


def harness(*arguments: str) -> str:
    return subprocess.run([BIN / "harness", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def memory() -> float:
    return float(json.loads(harness("status", "--json"))["process"]["memory_mib"])


def main() -> None:
    harness("up")
    try:
        idle = memory()
        suite = timed_ms(
            lambda: subprocess.run([BIN / "pytest", "-q", "-n", "2"], cwd=ROOT, check=True, capture_output=True)
        )
        after = memory()
    finally:
        harness("down")
    show(
        [
            Figure("engine idle, three stacks deployed", [idle], "MiB"),
            Figure("engine after the suite", [after], "MiB"),
            Figure("the suite, -n 2", [suite / 1000], "s"),
        ]
    )


if __name__ == "__main__":
    main()
