"""The patches, the digests of their targets when they were read, and the targets that differ now."""

import json
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.emulator.patches import source

LOG = logging.getLogger(__name__)
FILE = Path(__file__).with_name("register.json")
ACCEPT = "Read its source, adapt the patch, then run 'make patches'."


class PatchError(Exception):
    """A patch that cannot be applied: its target is missing, or its place among others is not said."""


@dataclass(frozen=True, slots=True)
class Patch:
    """One change to foreign code."""

    target: str
    """`module:Class.attribute`."""
    how: str
    """`wraps`, `replaces`, `inserts` or `overrides`."""
    because: str
    source: str
    """The page that backs the reason; empty where the engine only records or joins what happens there."""
    module: str
    """The module of the emulator that makes it."""
    reads: tuple[str, ...]
    """The places (`source`) whose text the patch was written against."""
    layer: int = 0
    """Among the patches of one target: a higher one lies around a lower one."""


@dataclass(frozen=True, slots=True)
class PatchDifference:
    """A patch whose target is not what was read."""

    patch: Patch
    what: str

    def __str__(self) -> str:
        return (
            f"{self.patch.target}, patched by {self.patch.module} because {self.patch.because}: {self.what}. {ACCEPT}"
        )

    def to_json(self) -> dict[str, str]:
        return {
            "target": self.patch.target,
            "patch": self.patch.module,
            "because": self.patch.because,
            "what": self.what,
        }


class Accepted:
    """The targets as they were read: the content of `register.json`."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.packages: dict[str, str] = dict(content.get("packages", {}))
        self._files: dict[str, str] = dict(content.get("files", {}))
        self._digests: dict[str, str] = {row["target"]: row["digest"] for row in content.get("patches", ())}
        self.patches = [_patch(row) for row in content.get("patches", ())]

    @classmethod
    def read(cls, file: Path = FILE) -> "Accepted":
        return cls(json.loads(file.read_text()) if file.exists() else {})

    def difference(self, patch: Patch) -> PatchDifference | None:
        """How the target of a patch differs from what was read; None where it does not."""
        foreign = tuple(place for place in patch.reads if not source.is_of_python(place))
        if patch.target not in self._digests:
            return PatchDifference(patch, "it is not in the register")
        modules = {place.partition(":")[0] for place in foreign}
        # Most often nothing of the file has changed, and then nothing in it has.
        if all(source.file_digest(module) == self._files.get(module, "") for module in modules):
            return None
        found = source.digest_of(foreign)
        if found == self._digests[patch.target]:
            return None
        return PatchDifference(patch, "it is gone" if found is None else f"it is not as in {self._versions(modules)}")

    def _versions(self, modules: Iterable[str]) -> str:
        packages = {module.partition(".")[0] for module in modules}
        return ", ".join(sorted(self.packages.get(package, package) for package in packages))


class Register:
    """The patches that this process has applied. Every method may be called from any thread."""

    def __init__(self, accepted: Accepted | None = None) -> None:
        self._accepted = accepted
        self._lock = threading.Lock()
        self._patches: list[Patch] = []
        self._differences: list[PatchDifference] = []

    @cached_property
    def accepted(self) -> Accepted:
        return self._accepted or Accepted.read()

    def add(self, patch: Patch) -> None:
        """Note a patch that is about to be applied; a target that differs is logged and does not stop it."""
        if not patch.because.strip():
            raise PatchError(f"{patch.module}: the patch of {patch.target} needs its reason (because=...)")
        difference = self.accepted.difference(patch)
        with self._lock:
            self._patches.append(patch)
            if difference is not None:
                self._differences.append(difference)
        if difference is not None:
            LOG.warning("a patch may not fit: %s", difference)

    @property
    def patches(self) -> list[Patch]:
        with self._lock:
            return list(self._patches)

    @property
    def differences(self) -> list[PatchDifference]:
        with self._lock:
            return list(self._differences)

    def to_json(self) -> dict[str, Any]:
        """What `/_harness/ready` reports."""
        return {"applied": len(self.patches), "differ": [each.to_json() for each in self.differences]}


REGISTER = Register()
"""The register of this process."""


def content_of(patches: Iterable[Patch], packages: Mapping[str, str]) -> dict[str, Any]:
    """What `register.json` is for these patches as their targets are installed now."""
    rows = sorted(set(patches), key=lambda patch: (patch.target, patch.layer, patch.module, patch.how))
    foreign = {place for patch in rows for place in patch.reads if not source.is_of_python(place)}
    modules = sorted({place.partition(":")[0] for place in foreign})
    return {
        "packages": {name: packages[name] for name in sorted({module.partition(".")[0] for module in modules})},
        "files": {module: source.file_digest(module) for module in modules},
        "patches": [{**asdict(patch), "digest": _digest(patch)} for patch in rows],
    }


def _digest(patch: Patch) -> str:
    places = tuple(place for place in patch.reads if not source.is_of_python(place))
    digest = source.digest_of(places)
    if digest is None:
        raise PatchError(f"{patch.module}: the source of {patch.target} was not found ({', '.join(places)})")
    return digest


def _patch(row: Mapping[str, Any]) -> Patch:
    given = {name: value for name, value in row.items() if name != "digest"}
    return Patch(**{**given, "reads": tuple(given["reads"])})


def installed_differences(accepted: Accepted) -> Iterator[PatchDifference]:
    """What of the register does not fit what is installed, without loading any of it."""
    for patch in accepted.patches:
        if (difference := accepted.difference(patch)) is not None:
            yield difference
