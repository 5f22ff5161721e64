"""Selects the Python for which a function's dependencies are installed: the one that will run it."""

import re
from dataclasses import dataclass

import httpx

from harness.deploy import runtime_packages
from harness.engine import Target
from harness.errors import EngineError

PYTHON = re.compile(r"python3\.(\d+)")
"""Lambda's Python runtimes."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """`version` in uv's form ("3.13"); `platform` is one of uv's names (`uv pip install --help`, --python-platform)."""

    version: str
    platform: str
    warning: str | None = None


class Interpreters:
    """Queries the target once for each runtime and installs missing packages. Without an answer, assumes what AWS runs."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._known: dict[tuple[str, str], Interpreter] = {}

    def of(self, runtime: str, architecture: str) -> Interpreter:
        key = (runtime, architecture)
        if key not in self._known:
            self._known[key] = self._ask(runtime) or aws_interpreter(runtime, architecture)
        return self._known[key]

    def _ask(self, runtime: str) -> Interpreter | None:
        answer = harness_answer(self._target, f"/runtimes/{runtime}")
        missing = runtime_packages.missing_of(self._target, answer) if answer else None
        not_installed = None
        if missing is not None:
            try:
                runtime_packages.install(missing)
                answer = harness_answer(self._target, f"/runtimes/{runtime}")
            except runtime_packages.NotInstalledError as error:
                not_installed = f"{runtime} functions run on the engine's own Python: {error}"
        if not answer or "python" not in answer or not answer.get("platform"):
            return None
        version = ".".join(str(answer["python"]).split(".")[:2])
        warning = not_installed or (str(answer["warning"]) if answer.get("warning") else None)
        return Interpreter(version, str(answer["platform"]), warning)


def aws_interpreter(runtime: str, architecture: str) -> Interpreter:
    """The interpreter on AWS: Amazon Linux 2023 (glibc 2.34) from Python 3.12, Amazon Linux 2 (glibc 2.26) before
    (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html)."""
    found = PYTHON.fullmatch(runtime)
    if found is None:
        raise ValueError(f"{runtime!r} is not a Python runtime of Lambda")
    machine = "aarch64" if architecture == "arm64" else "x86_64"
    manylinux = "manylinux_2_28" if int(found[1]) >= 12 else "manylinux2014"
    return Interpreter(f"3.{found[1]}", f"{machine}-{manylinux}")


def harness_answer(target: Target, path: str) -> dict[str, object] | None:
    """`GET /_harness<path>`, or None if the target has no such endpoint (AWS, another emulator, an older engine)."""
    if not target.endpoint_url or not target.capabilities:
        return None
    try:
        return target.harness.call("GET", path)
    except (EngineError, httpx.HTTPError, ValueError):
        return None
