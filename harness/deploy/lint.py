"""Runs cfn-lint on source templates in a separate process, because importing it takes seconds, and caches its results.

A result depends on the file's content and on cfn-lint's version, so the same file is never linted twice.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from harness.engine import state_folder
from harness.errors import DeployError


@dataclass(frozen=True, slots=True)
class LintFinding:
    """`level` is cfn-lint's: Error, Warning or Informational. `resource` is a logical id, if the finding is about one."""

    file: Path
    line: int
    level: str
    rule: str
    message: str
    resource: str | None


class Lint:
    """Starts immediately for the files without a cached result; `findings()` waits for them."""

    def __init__(self, files: Sequence[Path], cache: Path, region: str) -> None:
        self._cache = cache
        self._region = region
        self._keys = {file: self._key(file) for file in files}
        unknown = [file for file, key in self._keys.items() if not (cache / key).is_file()]
        self._process = self._start(unknown) if unknown else None
        self._unknown = unknown

    def findings(self) -> list[LintFinding]:
        """Raises DeployError when cfn-lint itself fails."""
        if self._process is not None:
            self._keep(*self._process.communicate(), self._process.returncode)
            self._process = None
        found: list[LintFinding] = []
        for file, key in self._keys.items():
            found.extend(_finding(file, entry) for entry in json.loads((self._cache / key).read_text()))
        return found

    def stop(self) -> None:
        """Stop the process when its result is no longer needed."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _key(self, file: Path) -> str:
        parts = [metadata.version("cfn-lint"), metadata.version("aws-sam-translator"), self._region, str(file)]
        return hashlib.sha256("\0".join(parts).encode() + b"\0" + file.read_bytes()).hexdigest()[:40] + ".json"

    def _start(self, files: Sequence[Path]) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", "from cfnlint.runner import main; main()"]
        command += ["--format", "json", "--non-zero-exit-code", "none"]
        command += ["--regions", self._region, "--template", *map(str, files)]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def _keep(self, output: str, errors: str, returncode: int) -> None:
        try:
            entries: list[dict[str, Any]] = json.loads(output or "[]")
        except json.JSONDecodeError as error:
            raise DeployError(
                f"cfn-lint failed (exit code {returncode}): {(errors or output).strip()[-2000:]}"
            ) from error
        if returncode != 0:
            raise DeployError(f"cfn-lint failed (exit code {returncode}): {errors.strip()[-2000:]}")
        state_folder.make(self._cache)
        for file in self._unknown:
            own = [entry for entry in entries if Path(entry["Filename"]) == file]
            state_folder.write(self._cache / self._keys[file], json.dumps(own))


def _finding(file: Path, entry: dict[str, Any]) -> LintFinding:
    location = entry["Location"]
    path = location.get("Path") or []
    return LintFinding(
        file=file,
        line=int(location["Start"]["LineNumber"]),
        level=str(entry["Level"]),
        rule=str(entry["Rule"]["Id"]),
        message=str(entry["Message"]),
        resource=str(path[1]) if len(path) > 1 and path[0] == "Resources" else None,
    )
