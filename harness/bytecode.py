"""Where the interpreter keeps compiled modules, so that an engine does not compile LocalStack at each start.

PYTHONDONTWRITEBYTECODE in an image or a shell forbids files next to the sources. An engine without bytecode compiles 2,000
modules at each start, so it writes them to a folder of the user's cache instead.
"""

import contextlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

DONT_WRITE = "PYTHONDONTWRITEBYTECODE"
PREFIX = "PYTHONPYCACHEPREFIX"
_LARGE_PACKAGES = ("localstack", "moto", "botocore")


def settings(environment: Mapping[str, str], fallback: Path) -> dict[str, str]:
    """The variables for an engine started with `environment`; `fallback` is the folder if the cache is not writable.

    If the bytecode exists next to the sources, or may be written there, that is used.
    """
    if PREFIX in environment:
        return {DONT_WRITE: ""}
    if _is_compiled() or (not environment.get(DONT_WRITE) and _is_writable()):
        return {}
    return {DONT_WRITE: "", PREFIX: str(_cache(environment, fallback))}


def keep_for_this_process() -> None:
    """Set the same for the modules that this process imports next."""
    if sys.dont_write_bytecode and sys.pycache_prefix is None and not _is_compiled():
        folder = _cache(os.environ, None)
        if folder is not None:
            sys.dont_write_bytecode, sys.pycache_prefix = False, str(folder)


def _sources() -> list[Path]:
    """The first modules of the large installed packages."""
    specs = (importlib.util.find_spec(name) for name in _LARGE_PACKAGES)
    return [Path(spec.origin) for spec in specs if spec is not None and spec.origin]


def _is_compiled() -> bool:
    return all(Path(importlib.util.cache_from_source(str(source))).exists() for source in _sources())


def _is_writable() -> bool:
    return all(os.access(source.parent, os.W_OK) for source in _sources())


def _cache(environment: Mapping[str, str], fallback: Path | None) -> Path | None:
    """The folder of the user's cache, else one in `fallback`."""
    base = environment.get("XDG_CACHE_HOME") or (environment.get("HOME") and f"{environment['HOME']}/.cache")
    if base:
        folder = Path(base) / "serverless-harness" / "bytecode"
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    return fallback and fallback / "bytecode"
