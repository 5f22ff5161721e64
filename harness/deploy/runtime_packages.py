"""Installs what an engine needs to run functions on a Python other than its own: the runtime client and boto3.

The engine calls no other machine, so it takes these packages from uv's cache or runs without them. A command may use the
package index, as for the dependencies of functions.
"""

import re
import shlex
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uv

from harness.engine import Target

_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+")
_INSTALL_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Missing:
    """What `GET /_harness/runtimes/<runtime>` reports as missing. `folder` is where the engine searches for the packages."""

    executable: str
    python: str
    requirements: tuple[str, ...]
    folder: Path

    def __str__(self) -> str:
        return f"{' and '.join(self.requirements)} for Python {self.python} at {self.executable}"


class NotInstalledError(Exception):
    """What is missing, where, and what to do; until then the functions run on the engine's Python."""


def missing_of(target: Target, answer: Mapping[str, Any]) -> Missing | None:
    """None if nothing is missing, or if the engine's files are not on this machine."""
    told = answer.get("missing")
    if target.engine != "embedded" or not isinstance(told, Mapping):
        return None
    try:
        requirements = tuple(map(str, told["requirements"]))
        missing = Missing(str(told["executable"]), str(told["python"]), requirements, Path(str(told["folder"])))
    except (KeyError, TypeError):
        return None
    return missing if requirements and all(map(_REQUIREMENT.fullmatch, requirements)) else None


def install(missing: Missing) -> None:
    """Put the packages into the folder, all or none: from uv's cache, else from the index. Raises NotInstalledError."""
    try:
        missing.folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=missing.folder.parent) as temporary:
            packages = Path(temporary) / "packages"
            command = [uv.find_uv_bin(), "pip", "install", "--quiet", "--no-progress", "--python", missing.executable]
            command += ["--target", str(packages), *missing.requirements]
            if _run([*command, "--offline"]).returncode != 0 and (failed := _run(command)).returncode != 0:
                raise NotInstalledError(_sentence(missing, _in_one_line(failed.stderr)))
            packages.rename(missing.folder)
    except subprocess.TimeoutExpired:
        raise NotInstalledError(_sentence(missing, f"uv did not finish within {_INSTALL_SECONDS} s")) from None
    except OSError as error:
        if not missing.folder.exists():  # else another command has installed them
            raise NotInstalledError(_sentence(missing, str(error))) from error


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS)


def _sentence(missing: Missing, why: str) -> str:
    by_hand = ["uv", "pip", "install", "--python", missing.executable, "--target", str(missing.folder)]
    return (
        f"{missing} cannot be installed into {missing.folder}: {why}. "
        f"Repeat the command with a network, or install them from a mirror: {shlex.join([*by_hand, *missing.requirements])}"
    )


def _in_one_line(said: str) -> str:
    """uv's `error:` and its innermost `cause:`."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("error:").strip() for line in lines if line.startswith("error:")] or lines[:1]
    causes = [line.removeprefix("cause:").strip() for line in lines if line.startswith("cause:")]
    return ": ".join([*errors[:1], *causes[-1:]]) or "uv gave no reason"
