"""Runs nodejs functions with the Node.js of this machine.

AWS's own runtime client for Node.js (npm `aws-lambda-ric`) is a native addon that is built when it is installed and
wants cmake, autotools and a compiler, so `node_runtime.mjs` speaks the Runtime API instead.
"""

import shutil
from pathlib import Path

RUNTIME = Path(__file__).with_name("node_runtime.mjs")


def is_here() -> bool:
    return shutil.which("node") is not None


def command_line(handler: str) -> list[str]:
    """The command of an environment for `handler` (`file.export`). Raises FileNotFoundError without Node.js."""
    node = shutil.which("node")
    if node is None:
        raise FileNotFoundError("Node.js is not on this machine (nodejs.org); functions with a nodejs runtime need it")
    return [node, str(RUNTIME), handler]
