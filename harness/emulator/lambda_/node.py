"""Runs nodejs functions with the Node.js of this machine.

AWS's own runtime client for Node.js (npm `aws-lambda-ric`) is a native addon that is built when it is installed and
wants cmake, autotools and a compiler, so `node_runtime.mjs` speaks the Runtime API instead.
"""

import shutil
from pathlib import Path

from harness.emulator.lambda_.runtimes import UnsupportedRuntimeError

RUNTIME = Path(__file__).with_name("node_runtime.mjs")


def is_here() -> bool:
    return shutil.which("node") is not None


def command_line(handler: str) -> list[str]:
    """The command of an environment for `handler` (`file.export`). Raises UnsupportedRuntimeError without Node.js."""
    node = shutil.which("node")
    if node is None:
        raise UnsupportedRuntimeError(
            "There is no Node.js where the engine runs, and functions with a nodejs runtime need it. Install it "
            "(nodejs.org); in Docker, in an image made from the engine's."
        )
    return [node, str(RUNTIME), handler]
