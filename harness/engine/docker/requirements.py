"""Prints what the image needs, as requirements for pip: `python requirements.py emulator` or `... build`.

The Dockerfile runs it with only pip installed: `emulator` is the extra of that name, `build` the requirements for building
the wheel. Both come from the project's pyproject.toml, or from the metadata of the wheel to install.
"""

import sys
import tomllib
import zipfile
from email.parser import HeaderParser
from importlib import import_module
from pathlib import Path
from typing import Any

EXTRA = "emulator"


def _packaging() -> Any:
    """The module that parses requirements; if it is not installed, pip's copy."""
    try:
        return import_module("packaging.requirements")
    except ImportError:
        return import_module("pip._vendor.packaging.requirements")


def from_wheel(wheel: Path) -> list[str]:
    """The requirements that only the extra adds, without its marker."""
    requirement_of = _packaging().Requirement

    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = HeaderParser().parsestr(archive.read(name).decode())
    found = []
    for line in metadata.get_all("Requires-Dist", []):
        requirement = requirement_of(line)
        marker = requirement.marker
        if marker and marker.evaluate({"extra": EXTRA}) and not marker.evaluate({"extra": ""}):
            requirement.marker = None
            found.append(str(requirement))
    return found


def main(what: str) -> list[str]:
    wheels = sorted(Path().glob("serverless_harness-*.whl"))
    if wheels:
        return from_wheel(wheels[0]) if what == EXTRA else []
    project = tomllib.loads(Path("pyproject.toml").read_text())
    requirements: list[str] = (
        project["project"]["optional-dependencies"][EXTRA] if what == EXTRA else project["build-system"]["requires"]
    )
    return requirements


if __name__ == "__main__":
    sys.stdout.writelines(f"{requirement}\n" for requirement in main(sys.argv[1]))
