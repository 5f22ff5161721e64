"""Finds templates and names their stacks."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness.errors import DeployError
from harness.topology import Template

DEFAULT_PATTERNS = ("stack/*/template.yaml", "template.yaml")
"""Where templates are searched if no pattern is given; not all of these need to exist."""

_FILE_NAMES = ("template.yaml", "template.yml", "template.json")


def discover(root: Path, patterns: Sequence[str] = DEFAULT_PATTERNS) -> list[Template]:
    """Find templates by path or glob below `root` (or absolute), in the order of their paths.

    A folder stands for its template.yaml (.yml, .json). A stack is named after its template's folder; if several templates
    share a folder, after the file. Characters that a stack name does not allow become hyphens.

    Raises DeployError when a given pattern matches nothing, or when none of the default patterns does.
    """
    root = root.absolute()
    files: list[Path] = []
    for pattern in patterns:
        matches = _matches(root, pattern)
        if not matches and tuple(patterns) != DEFAULT_PATTERNS:
            raise DeployError(
                f"No template at {pattern!r} (looked in {root}). "
                "Give a template file or a glob such as 'stack/*/template.yaml'."
            )
        files.extend(matches)
    if not files:
        raise DeployError(
            f"No templates found in {root} (looked for {', '.join(patterns)}). "
            "Name them with --template or with templates in [tool.harness] of pyproject.toml."
        )
    # A file that two patterns match is one template, named by its first path: a linked folder keeps its name.
    unique = sorted({file.resolve(): file for file in reversed(files)}.values())
    in_folder = Counter(file.parent for file in unique)
    return [Template(file, _stack_name(file, alone=in_folder[file.parent] == 1)) for file in unique]


def _matches(root: Path, pattern: str) -> list[Path]:
    path = Path(pattern).expanduser()
    base, relative = (Path(path.anchor), path.relative_to(path.anchor)) if path.is_absolute() else (root, path)
    exact = base / relative
    if exact.is_dir():
        return [_written(exact / name) for name in _FILE_NAMES if (exact / name).is_file()][:1]
    if exact.is_file():
        return [_written(exact)]
    return [_written(file) for file in base.glob(str(relative)) if file.is_file()]


def _written(file: Path) -> Path:
    """The path without `.` and `..`. Links are kept: a linked folder of a service has the name that the project gave it."""
    return Path(os.path.normpath(file))


def _stack_name(file: Path, *, alone: bool) -> str:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html:
    `[a-zA-Z][-a-zA-Z0-9]*`."""
    name = file.parent.name if alone or file.name in _FILE_NAMES else file.name.split(".")[0]
    name = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "stack"
    return (name if name[0].isalpha() else f"stack-{name}")[:128]
