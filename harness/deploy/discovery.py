"""Which templates there are, and what their stacks are called."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness.errors import DeployError
from harness.topology import Template

DEFAULT_PATTERNS = ("stack/*/template.yaml", "template.yaml")
"""Where templates are looked for when nobody says where; not all of these need to exist."""

_FILE_NAMES = ("template.yaml", "template.yml", "template.json")


def discover(root: Path, patterns: Sequence[str] = DEFAULT_PATTERNS) -> list[Template]:
    """Find templates by path or glob below `root` (or absolute), in the order of their paths.

    A folder stands for the template.yaml (.yml, .json) in it. A stack is named after its template's folder; where
    several templates share a folder, after the file. What a stack's name may not hold becomes a hyphen.

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
    # One file that two patterns reach is one template, named as it is written first: a linked folder keeps its name.
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
    """Without `.` and `..`, and with links as they are: a service's folder that is a link has a name of the project's."""
    return Path(os.path.normpath(file))


def _stack_name(file: Path, *, alone: bool) -> str:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html:
    `[a-zA-Z][-a-zA-Z0-9]*`."""
    name = file.parent.name if alone or file.name in _FILE_NAMES else file.name.split(".")[0]
    name = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "stack"
    return (name if name[0].isalpha() else f"stack-{name}")[:128]
