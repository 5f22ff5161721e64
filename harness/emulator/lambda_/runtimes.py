"""Which interpreter of this machine runs a Lambda runtime, and with which packages.

A function must find what AWS's runtime has (boto3, the runtime client) and nothing of the virtual environment that the
engine runs in: a package that is importable here by accident is missing on AWS.
"""

import contextlib
import hashlib
import json
import logging
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module, metadata
from pathlib import Path

LOG = logging.getLogger(__name__)

RUNTIME_PACKAGES = (
    "awslambdaric",
    "snapshot-restore-py",
    "simplejson",
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "python-dateutil",
    "six",
    "urllib3",
)
"""What is importable on AWS without packaging it: the runtime client and the SDK, with what they need."""

INTERPRETERS_VARIABLE = "HARNESS_LAMBDA_PYTHONS"
"""Where to look for interpreters first: paths, separated like PATH."""


class UnsupportedRuntimeError(Exception):
    """No program of this machine runs the runtime; the message says which would and where to get it."""


@dataclass(frozen=True, slots=True)
class LocalInterpreter:
    """A Python of this machine: its path and its version."""

    executable: str
    version: tuple[int, int, int]

    @property
    def minor(self) -> tuple[int, int]:
        return self.version[:2]

    def __str__(self) -> str:
        return f"Python {'.'.join(map(str, self.version))} at {self.executable}"


CURRENT = LocalInterpreter(sys.executable, sys.version_info[:3])


@dataclass(frozen=True, slots=True)
class MissingPackages:
    """What an interpreter needs to run functions and uv's cache does not have. The engine calls no package index, so who
    deploys installs it (`harness.deploy.runtime_packages`)."""

    interpreter: LocalInterpreter
    requirements: tuple[str, ...]
    folder: Path
    """Where they are to be; the engine uses it as soon as it is there."""

    @property
    def command(self) -> str:
        """What a user types to install them."""
        install = ["uv", "pip", "install", "--python", self.interpreter.executable, "--target", str(self.folder)]
        return shlex.join([*install, *self.requirements])


@dataclass(frozen=True, slots=True)
class PythonRuntime:
    """What runs a python3.x function: the interpreter, its packages, and a warning where its version is another."""

    interpreter: LocalInterpreter
    packages: str
    warning: str | None
    missing: MissingPackages | None = None


class PythonRuntimes:
    """Finds and prepares interpreters; each once, below `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._prepared: dict[tuple[int, int], PythonRuntime] = {}

    def prepare(self, runtime: str) -> PythonRuntime:
        """What runs `runtime` (`python3.13`). Falls back to the current interpreter, with a warning, where that version
        is not on the machine, and until its packages are."""
        match = re.fullmatch(r"python(\d+)\.(\d+)", runtime)
        if match is None:
            raise UnsupportedRuntimeError(f"{runtime} is not a Python runtime of Lambda")
        wanted = (int(match[1]), int(match[2]))
        with self._lock:
            known = self._prepared.get(wanted)
            if known is not None and (known.missing is None or not known.missing.folder.exists()):
                return known
            self._prepared[wanted] = prepared = self._prepare(wanted, runtime)
            if prepared.warning:
                LOG.warning("%s", prepared.warning)
            return prepared

    def _prepare(self, wanted: tuple[int, int], runtime: str) -> PythonRuntime:
        if wanted == CURRENT.minor:
            return PythonRuntime(CURRENT, self._link_packages(), None)
        interpreter = find_interpreter(wanted)
        if interpreter is None:
            return self._fall_back(runtime, f"no Python {wanted[0]}.{wanted[1]} is on this machine")
        missing = self._missing_packages(interpreter)
        try:
            _install_from_cache(missing)
        except (subprocess.CalledProcessError, OSError) as error:
            said = _in_one_line(error.stderr) if isinstance(error, subprocess.CalledProcessError) else str(error)
            packages = " and ".join(missing.requirements)
            why = (
                f"{packages} for {interpreter} are not in uv's cache ({said}), and the engine calls no package index. "
                f"`harness up` and test runs install them; without them: {missing.command}"
            )
            return self._fall_back(runtime, why, missing)
        return PythonRuntime(interpreter, str(missing.folder), None)

    def _fall_back(self, runtime: str, why: str, missing: MissingPackages | None = None) -> PythonRuntime:
        warning = f"{runtime} functions run on {CURRENT}: {why}" + ("" if missing else ".")
        return PythonRuntime(CURRENT, self._link_packages(), warning, missing)

    def _link_packages(self) -> str:
        """The current interpreter's own copies, linked into a folder that holds nothing else."""
        # Links into this environment: another environment's, or an upgraded package, is another folder.
        key = "\n".join([sys.prefix, *(f"{path}" for path in sorted(_top_level_entries()))])
        digest = hashlib.sha256(key.encode()).hexdigest()[:12]
        folder = self._directory / f"python{CURRENT.version[0]}.{CURRENT.version[1]}-{digest}"
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
                links = Path(temporary) / "packages"
                links.mkdir()
                for top in _top_level_entries():
                    (links / top.name).symlink_to(top)
                _move_into_place(links, folder)
        return str(folder)

    def _missing_packages(self, interpreter: LocalInterpreter) -> MissingPackages:
        major, minor, _ = interpreter.version
        wanted = tuple(f"{name}=={metadata.version(name)}" for name in ("awslambdaric", "boto3"))
        folder = self._directory / f"python{major}.{minor}-{'-'.join(w.replace('==', '-') for w in wanted)}"
        return MissingPackages(interpreter, wanted, folder)


def _install_from_cache(missing: MissingPackages) -> None:
    """Offline: what uv has downloaded before is used, and nothing is downloaded."""
    if missing.folder.exists():
        return
    missing.folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=missing.folder.parent) as temporary:
        packages = Path(temporary) / "packages"
        install = [_uv(), "pip", "install", "--quiet", "--offline", "--python", missing.interpreter.executable]
        install += ["--target", str(packages), *missing.requirements]
        subprocess.run(install, capture_output=True, text=True, check=True)
        _move_into_place(packages, missing.folder)


def find_interpreter(wanted: tuple[int, int]) -> LocalInterpreter | None:
    """A Python of this version that really runs; a version manager's shim may exist and not run."""
    for candidate in _candidates(wanted):
        found = _ask(candidate)
        if found is not None and found.minor == wanted:
            return found
    return None


def _candidates(wanted: tuple[int, int]) -> Iterator[str]:
    name = f"python{wanted[0]}.{wanted[1]}"
    for folder in filter(None, os.environ.get(INTERPRETERS_VARIABLE, "").split(os.pathsep)):
        yield folder if os.path.isfile(folder) else str(Path(folder) / name)  # noqa: PTH113 - False, too, where it may not look
    with contextlib.suppress(FileNotFoundError):
        found = subprocess.run(
            [_uv(), "python", "find", "--offline", "--no-python-downloads", "--system", name.removeprefix("python")],
            capture_output=True,
            text=True,
            check=False,
        )
        if found.returncode == 0:
            yield found.stdout.strip()
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        yield str(Path(folder) / name)
    with contextlib.suppress(OSError, RuntimeError):  # a folder that this user may not read; no home folder
        pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
        for version in sorted(pyenv.glob(f"{wanted[0]}.{wanted[1]}.*"), reverse=True):
            yield str(version / "bin" / name)


def _ask(executable: str) -> LocalInterpreter | None:
    if not os.access(executable, os.X_OK):
        return None
    question = "import json, sys; print(json.dumps([sys.executable, *sys.version_info[:3]]))"
    try:
        told = subprocess.run(
            [executable, "-I", "-c", question], capture_output=True, text=True, timeout=10, check=True
        )
        path, *version = json.loads(told.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return LocalInterpreter(path, (version[0], version[1], version[2]))


def _top_level_entries() -> Iterator[Path]:
    """The folders and modules that the runtime packages put into site-packages, without their metadata."""
    seen: set[Path] = set()
    for name in RUNTIME_PACKAGES:
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        for file in distribution.files or ():
            first = file.parts[0]
            if first == ".." or first == "__pycache__" or first.endswith(".pth"):
                continue
            entry = Path(str(distribution.locate_file(first)))
            if entry not in seen:
                seen.add(entry)
                yield entry


def _move_into_place(built: Path, folder: Path) -> None:
    """Whole or not at all: another engine may build the same folder at the same time."""
    try:
        built.rename(folder)
    except OSError:
        if not folder.exists():
            raise


def _in_one_line(said: str) -> str:
    """What uv's `error:` and its last, innermost `cause:` say; a warning has no room for all between them."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("error:").strip() for line in lines if line.startswith("error:")] or lines
    causes = [line.removeprefix("cause:").strip() for line in lines if line.startswith("cause:")]
    return ": ".join([*errors[:1], *causes[-1:]]) or "it gave no reason"


def _uv() -> str:
    """The program that comes with the package uv, else one on PATH. Raises FileNotFoundError without either."""
    with contextlib.suppress(ImportError, FileNotFoundError):
        return str(import_module("uv").find_uv_bin())
    found = shutil.which("uv")
    if found is None:
        raise FileNotFoundError("uv is not installed (pip install uv)")
    return found


@dataclass(frozen=True)
class Platform:
    """The machine as uv's `--python-platform` names it."""

    system: str = platform.system()
    machine: str = platform.machine()

    @cached_property
    def uv_name(self) -> str:
        machine = {"arm64": "aarch64", "AMD64": "x86_64"}.get(self.machine, self.machine)
        if self.system == "Linux":
            return f"{machine}-unknown-linux-{'musl' if _is_musl() else 'gnu'}"
        return f"{machine}-apple-darwin" if self.system == "Darwin" else f"{machine}-pc-windows-msvc"


def _is_musl() -> bool:
    return platform.libc_ver()[0] not in ("glibc", "libc")
