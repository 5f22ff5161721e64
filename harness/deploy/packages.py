"""How code becomes a package: recipes, the fingerprint of the input, and the output file.

A package is named after the hash of all its input, so equal names mean equal packages, on disk and in the bucket.
Nothing is built or uploaded twice.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import uv

from harness.deploy.interpreters import Interpreter, Interpreters
from harness.deploy.sources import Sources, is_executable
from harness.engine import state_folder
from harness.errors import DeployError
from harness.topology import read_document

Method = Literal["archive", "python", "nodejs", "makefile", "file", "document"]

PACKAGE_FORMAT = "1"
"""Part of every package's name: increased when the way of packing changes."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_REQUIREMENTS = "requirements.txt"
_OUTPUT_LINES = 25


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is packed, and how.

    `archive`: the files unchanged (a single file is taken as the package). `python`: with the dependencies of
    requirements.txt. `nodejs`: with `npm`. `makefile`: what `make build-<logical id>` writes to ARTIFACTS_DIR. `file`:
    one file unchanged. `document`: YAML or JSON, written as JSON. `prefix` is the folder inside a layer ("python/").
    """

    method: Method
    source: Path
    prefix: str = ""
    runtime: str = ""
    architecture: str = "x86_64"
    make_target: str = ""

    @property
    def extension(self) -> str:
        if self.method == "document":
            return ".json"
        return (self.source.suffix if self.source.is_file() else "") or ".zip"


class Packer:
    """Builds packages into `folder` and finds existing ones."""

    def __init__(self, folder: Path, sources: Sources, interpreters: Interpreters, *, rebuild: bool = False) -> None:
        self.folder = folder
        self.sources = sources
        self._interpreters = interpreters
        self._rebuild = rebuild

    def name(self, recipe: Recipe) -> str:
        """The package's file name, from a hash of all its input."""
        parts = [
            PACKAGE_FORMAT,
            recipe.method,
            recipe.prefix,
            recipe.make_target,
            self.sources.fingerprint(recipe.source),
        ]
        if recipe.method == "python" and (recipe.source / _REQUIREMENTS).is_file():
            interpreter = self.interpreter(recipe)
            parts += [interpreter.version, interpreter.platform]
            parts += [self.sources.fingerprint(path) for path in _local_requirements(recipe.source / _REQUIREMENTS)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40] + recipe.extension

    def interpreter(self, recipe: Recipe) -> Interpreter:
        return self._interpreters.of(recipe.runtime, recipe.architecture)

    def build(self, recipe: Recipe) -> tuple[Path, bool]:
        """The package's file, and whether it was built now. Raises DeployError with the tool's output."""
        file = self.folder / self.name(recipe)
        if file.is_file() and not self._rebuild:
            return file, False
        state_folder.make(self.folder)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=self.folder) as name:
            scratch = Path(name)
            unfinished = scratch / "package"
            self._write(recipe, unfinished, scratch)
            # The modes that functions need are in the package.
            unfinished.chmod(state_folder.FILE_MODE)
            # Moved in one step: if the command is stopped here, no partial package has this name.
            unfinished.replace(file)
        return file, True

    def _write(self, recipe: Recipe, package: Path, scratch: Path) -> None:
        if recipe.method == "document":
            package.write_text(json.dumps(read_document(recipe.source).body))
        elif recipe.source.is_file():
            shutil.copyfile(recipe.source, package)
        else:
            _zip(package, {recipe.prefix + name: file for name, file in self._content(recipe, scratch)})

    def _content(self, recipe: Recipe, scratch: Path) -> Iterator[tuple[str, Path]]:
        match recipe.method:
            case "python":
                if (recipe.source / _REQUIREMENTS).is_file():
                    dependencies = scratch / "dependencies"
                    install_python(recipe.source / _REQUIREMENTS, dependencies, self.interpreter(recipe))
                    yield from _files_of(dependencies)
                yield from self._own(recipe.source)
            case "nodejs":
                yield from _files_of(self._npm(recipe, scratch))
            case "makefile":
                yield from _files_of(self._make(recipe, scratch))
            case _:
                yield from self._own(recipe.source)

    def _own(self, source: Path) -> Iterator[tuple[str, Path]]:
        for relative in self.sources.files(source):
            yield relative.as_posix(), source / relative

    def _copy(self, source: Path, to: Path) -> Path:
        for relative in self.sources.files(source):
            (to / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / relative, to / relative)
        return to

    def _npm(self, recipe: Recipe, scratch: Path) -> Path:
        copy = self._copy(recipe.source, scratch / "source")
        locked = (copy / "package-lock.json").is_file() or (copy / "npm-shrinkwrap.json").is_file()
        command = ["npm", "ci" if locked else "install", "--omit=dev", "--no-audit", "--no-fund"]
        _run(
            command,
            copy,
            f"{recipe.source}: npm could not install the dependencies of package.json",
            "Install Node.js.",
        )
        return copy

    def _make(self, recipe: Recipe, scratch: Path) -> Path:
        """As in `sam build`: runs in a copy of the sources, and ARTIFACTS_DIR becomes the package
        (https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/building-custom-runtimes.html)."""
        copy = self._copy(recipe.source, scratch / "source")
        artifacts = scratch / "artifacts"
        artifacts.mkdir()
        _run(
            ["make", recipe.make_target],
            copy,
            f"{recipe.source}: 'make {recipe.make_target}' failed",
            "Install make.",
            ARTIFACTS_DIR=str(artifacts),
        )
        if not any(artifacts.iterdir()):
            raise DeployError(
                f"{recipe.source}: 'make {recipe.make_target}' left nothing in ARTIFACTS_DIR. "
                "The target must copy what is to be deployed there."
            )
        return artifacts


def install_python(requirements: Path, to: Path, interpreter: Interpreter) -> None:
    """Install for another interpreter: from uv's cache if everything is in it, else from the package index."""
    command = [uv.find_uv_bin(), "pip", "install", "--quiet", "--no-progress", "--target", str(to)]
    command += ["--python", sys.executable, "--python-version", interpreter.version]
    command += ["--python-platform", interpreter.platform, "--requirement", str(requirements)]
    offline = subprocess.run([*command, "--offline"], cwd=requirements.parent, capture_output=True, text=True)
    if offline.returncode == 0:
        return
    shutil.rmtree(to, ignore_errors=True)
    python = f"Python {interpreter.version} on {interpreter.platform}"
    what = f"{requirements}: the dependencies for {python} cannot be installed"
    _run(command, requirements.parent, what, "Reinstall the harness.")


def _local_requirements(requirements: Path) -> list[Path]:
    """Local files and folders that requirements.txt names: other lists, local packages."""
    found: list[Path] = []
    for line in requirements.read_text().splitlines():
        match = re.match(
            r"(?:-r|--requirement|-c|--constraint|-e|--editable)[ =]\s*(\S+)|(\.{1,2}/\S*|/\S+)", line.strip()
        )
        if match:
            path = (requirements.parent / (match[1] or match[2])).resolve()
            if path.exists() and path not in found:
                found.append(path)
    return found


def _files_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """What a tool installed, without the files that only the installation needed."""
    for file in folder.rglob("*"):
        relative = file.relative_to(folder)
        if file.is_file() and "__pycache__" not in relative.parts and relative.name != ".lock":
            yield relative.as_posix(), file


def _zip(package: Path, content: dict[str, Path]) -> None:
    """Equal content gives equal bytes: sorted, one timestamp, and of the modes only the executable bit."""
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix: without it the modes are ignored
            entry.external_attr = (0o100755 if is_executable(content[name]) else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content[name].read_bytes())


def _environment_of_a_tool() -> dict[str, str]:
    """The environment without what `make up` sets for nested make runs: its options and variables would affect this build
    (https://www.gnu.org/software/make/manual/html_node/Options_002fRecursion.html)."""
    make = {"MAKEFLAGS", "MFLAGS", "GNUMAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL"}
    return {name: value for name, value in os.environ.items() if name not in make}


def _run(command: list[str], folder: Path, what: str, missing: str, **environment: str) -> None:
    try:
        ended = subprocess.run(
            command,
            cwd=folder,
            env={**_environment_of_a_tool(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except FileNotFoundError as error:
        raise DeployError(f"{what}: {command[0]} is not on this machine. {missing}") from error
    if ended.returncode != 0:
        output = "\n".join(f"  {line}" for line in ended.stdout.strip().splitlines()[-_OUTPUT_LINES:])
        raise DeployError(f"{what} (exit code {ended.returncode}):\n{output}")
