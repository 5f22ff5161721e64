"""Where the interpreter keeps compiled modules, so that no start of an engine compiles LocalStack again.

An image or a shell with PYTHONDONTWRITEBYTECODE says that no files are written beside the sources. An engine that obeys
compiles 2,000 modules at each start, so it writes them to a folder of the user's cache instead.
"""

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

DONT_WRITE = "PYTHONDONTWRITEBYTECODE"
PREFIX = "PYTHONPYCACHEPREFIX"
_LARGE_PACKAGES = ("localstack", "moto", "botocore")


def settings(environment: Mapping[str, str], fallback: Path) -> dict[str, str]:
    """The variables for an engine started with `environment`; `fallback` is the folder where the cache cannot be written.

    Where the bytecode lies beside the sources, or may be written there, that is used.
    """
    if PREFIX in environment:
        return {DONT_WRITE: ""}
    if _is_compiled() or (not environment.get(DONT_WRITE) and _is_writable()):
        return {}
    return {DONT_WRITE: "", PREFIX: str(_cache(environment, fallback))}


def _sources() -> list[Path]:
    """The first modules of the large packages that are installed."""
    specs = (importlib.util.find_spec(name) for name in _LARGE_PACKAGES)
    return [Path(spec.origin) for spec in specs if spec is not None and spec.origin]


def _is_compiled() -> bool:
    return all(Path(importlib.util.cache_from_source(str(source))).exists() for source in _sources())


def _is_writable() -> bool:
    return all(os.access(source.parent, os.W_OK) for source in _sources())


def _cache(environment: Mapping[str, str], fallback: Path) -> Path:
    base = environment.get("XDG_CACHE_HOME") or (environment.get("HOME") and f"{environment['HOME']}/.cache")
    folder = Path(base or fallback) / "serverless-harness" / "bytecode"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return fallback / "bytecode"
    return folder if os.access(folder, os.W_OK) else fallback / "bytecode"
