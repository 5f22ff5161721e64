"""Cold and unchanged `harness up`, as whole processes, and the memory of the idle engine.

    .venv/bin/python benchmarks/up.py [runs]

Uses a separate engine in a temporary folder; a running engine is not touched. The first `up` fills the cache of built
layers and has its own line.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Figure, show, timed_ms

ROOT = Path(__file__).parent.parent
HARNESS = Path(sys.executable).parent / "harness"


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory(prefix="harness-benchmark-") as state:

        def harness(*arguments: str) -> str:
            command = [str(HARNESS), "--state", state, *arguments]
            return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

        first, cold, unchanged, memory = [], [], [], []
        try:
            for run in range(runs + 1):
                (cold if run else first).append(timed_ms(lambda: harness("up")))
                memory.append(float(json.loads(harness("status", "--json"))["process"]["memory_mib"]))
                unchanged.append(timed_ms(lambda: harness("up")))
                harness("down")
        finally:
            harness("down")
    show(
        [
            Figure("harness up, the first after a clone", first, "ms"),
            Figure("harness up, cold", cold, "ms", "aim < 12000"),
            Figure("harness up, nothing changed", unchanged, "ms", "aim < 1500"),
            Figure("memory of the idle engine, all processes", memory, "MiB"),
        ]
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
