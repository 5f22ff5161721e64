"""Checks what this machine has and what is missing for the harness, and how to get it."""

import importlib.util
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path

import psutil

from harness.engine import state_folder
from harness.engine.docker.client import connect
from harness.engine.docker.compose import command as compose_command
from harness.engine.running import engines
from harness.errors import EngineError
from harness.settings import Settings

MIN_FREE_DISK_BYTES = 2 * 1024**3
MIN_FREE_MEMORY_BYTES = 1024**3
_GIB = 1024**3


class Verdict(StrEnum):
    OK = "ok"
    OPTIONAL = "optional"
    """Missing, and only some functions or targets need it."""
    MISSING = "missing"
    """Missing, and `harness up` does not work without it."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: what was found, and, unless it is fine, what needs it and how to get it."""

    subject: str
    verdict: Verdict
    found: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[CheckResult]:
    """Check the machine, one result after the other."""
    yield _python()
    yield _embedded_engine(settings)
    yield from _changed_targets()
    yield _uv()
    yield _node()
    yield from _folders_of_interpreters()
    yield _docker(settings)
    yield _port(settings)
    yield _disk(settings.root)
    yield _memory()
    yield _writable(settings.state_directory)
    yield _engines()


def _python() -> CheckResult:
    version = platform.python_version()
    if (3, 11) <= sys.version_info[:2] < (3, 14):
        return CheckResult("Python", Verdict.OK, f"{version} at {sys.executable}")
    return CheckResult("Python", Verdict.MISSING, version, "Install Python 3.11, 3.12 or 3.13, then 'make clean up'.")


def _embedded_engine(settings: Settings) -> CheckResult:
    missing = [name for name in ("localstack", "moto", "awslambdaric") if importlib.util.find_spec(name) is None]
    if not missing:
        return CheckResult(
            "Embedded engine", Verdict.OK, "LocalStack, moto and the Lambda runtime client are installed"
        )
    return CheckResult(
        "Embedded engine",
        Verdict.MISSING if settings.engine == "embedded" else Verdict.OPTIONAL,
        f"not installed: {', '.join(missing)}",
        "'make up' installs it; by hand: uv pip install -r requirements.lock && uv pip install --no-deps -e .",
    )


def _changed_targets() -> Iterator[CheckResult]:
    """The code of LocalStack and moto that the emulator patches and that differs from the version that the patch expects."""
    if importlib.util.find_spec("localstack") is None:
        return
    said = _said_by(sys.executable, "-m", "harness.emulator.patch_audit", "--installed")
    if said is None:
        yield CheckResult(
            "Foreign code", Verdict.OPTIONAL, "the register of its changes cannot be read", "Install again."
        )
        return
    differing = [json.loads(line) for line in said.splitlines()]
    for each in differing:
        yield CheckResult(
            "Foreign code",
            Verdict.OPTIONAL,
            f"{each['target']}: {each['what']}; {each['patch']} changes it because {each['because']}",
            "The engine may behave differently there. Install the versions of requirements.lock.",
        )
    if not differing:
        yield CheckResult(
            "Foreign code", Verdict.OK, "LocalStack, moto and what is below are as the emulator knows them"
        )


def _uv() -> CheckResult:
    remedy = "It builds layers with dependencies: pip install uv"
    try:
        found = import_module("uv").find_uv_bin()
    except (ImportError, FileNotFoundError):
        return CheckResult("uv", Verdict.MISSING, "not found", remedy)
    version = _said_by(found, "--version")
    if version is None:
        return CheckResult("uv", Verdict.MISSING, f"{found} does not run", remedy)
    return CheckResult("uv", Verdict.OK, f"{version.split()[1]} at {found}")


def _node() -> CheckResult:
    found = shutil.which("node")
    version = _said_by(found, "--version") if found else None
    if version is None:
        what = f"{found} does not run" if found else "not found"
        return CheckResult("Node.js", Verdict.OPTIONAL, what, "Functions with a nodejs runtime need it: nodejs.org")
    return CheckResult("Node.js", Verdict.OK, f"{version} at {found}")


def _folders_of_interpreters() -> Iterator[CheckResult]:
    """Folders that may contain the Python interpreters of functions, but that the engine may not read and skips."""
    for variable in ("HARNESS_LAMBDA_PYTHONS", "PYENV_ROOT"):
        for folder in filter(None, os.environ.get(variable, "").split(os.pathsep)):
            if not os.access(folder, os.R_OK | os.X_OK):
                yield CheckResult(
                    variable,
                    Verdict.OPTIONAL,
                    f"{folder} is not there, or may not be read",
                    "Functions run on the interpreters that are found elsewhere. Let this user read it, or unset the variable.",
                )


def _said_by(*command: str) -> str | None:
    """The output of a program; None if it does not run, as a version manager's shim may not."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _docker(settings: Settings) -> CheckResult:
    """The Docker engine and Compose, called in the same way as the docker engine of the harness calls them."""
    wanted = settings.engine == "docker"
    lacking = Verdict.MISSING if wanted else Verdict.OPTIONAL
    remedy = "" if wanted else "Only --engine=docker needs it."
    try:
        version = connect().version()["Version"]
    except EngineError as error:
        return CheckResult("Docker", lacking, str(error), remedy)
    try:
        compose = " ".join(Path(word).name for word in compose_command())
    except EngineError as error:
        return CheckResult("Docker", lacking, f"{version}; {error}", remedy)
    return CheckResult("Docker", Verdict.OK, f"{version}, {compose}")


def _port(settings: Settings) -> CheckResult:
    port = settings.port or 4566
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            remedy = (
                "If that is not your engine ('harness status'), end what listens there or choose another port."
                if settings.port
                else "If that is not your engine ('harness status'), 'harness up' picks a free port by itself."
            )
            return CheckResult(f"Port {port}", Verdict.OPTIONAL, "in use", remedy)
    return CheckResult(f"Port {port}", Verdict.OK, "free")


def _disk(root: Path) -> CheckResult:
    free = shutil.disk_usage(root).free
    verdict = Verdict.OK if free >= MIN_FREE_DISK_BYTES else Verdict.MISSING
    return CheckResult(
        "Disk", verdict, f"{free / _GIB:.1f} GiB free", "" if verdict is Verdict.OK else "Free at least 2 GiB."
    )


def _memory() -> CheckResult:
    free = psutil.virtual_memory().available
    verdict = Verdict.OK if free >= MIN_FREE_MEMORY_BYTES else Verdict.OPTIONAL
    return CheckResult(
        "Memory",
        verdict,
        f"{free / _GIB:.1f} GiB available",
        "" if verdict is Verdict.OK else "The engine and its functions want about 1 GiB; close something large.",
    )


def _engines() -> CheckResult:
    """All engines of this user, in any folder."""
    found = engines()
    if not found:
        return CheckResult("Engines", Verdict.OK, "none runs")
    told = "; ".join(f"{e.directory} at {e.address} (process {e.pid}, {e.age}, {e.belongs_to})" for e in found)
    if any(e.stray for e in found):
        return CheckResult("Engines", Verdict.OPTIONAL, told, "'harness down --strays' stops the strays.")
    return CheckResult("Engines", Verdict.OK, told)


def _writable(directory: Path) -> CheckResult:
    folder = directory if directory.exists() else directory.parent
    if os.access(folder, os.W_OK):
        if state_folder.is_open(directory):
            remedy = (
                "Its file system keeps no modes: other users may read it. Set directory in [tool.harness] elsewhere."
            )
            return CheckResult("State folder", Verdict.OPTIONAL, f"{directory} is open to other users", remedy)
        return CheckResult("State folder", Verdict.OK, str(directory))
    return CheckResult("State folder", Verdict.MISSING, f"{folder} is not writable", "Make it writable for this user.")
