"""The source of foreign code as it is installed, found without importing it, and its digest.

A *place* names what is read: `module:Class.method` is a definition, `module:Class#name` the lines of a class (of a module where
the class is empty) in which a name stands: what is known of a value.
"""

import hashlib
import importlib.util
import inspect
import re
import sys
import tokenize
from functools import lru_cache
from pathlib import Path

_DIGITS = 16


def is_of_python(place: str) -> bool:
    """Whether the standard library has it: that changes with the Python, which the package metadata bounds."""
    return place.partition(".")[0].partition(":")[0] in sys.stdlib_module_names


@lru_cache(maxsize=64)
def _folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None if spec is None or spec.origin is None else Path(spec.origin).parent
    return Path(next(iter(spec.submodule_search_locations)))


@lru_cache(maxsize=512)
def file_of(module: str) -> Path | None:
    """Where a module's source is; None where it is not installed as source."""
    package, *parts = module.split(".")
    folder = _folder(package)
    if folder is None:
        return None
    base = folder.joinpath(*parts)
    for candidate in (base / "__init__.py", base.with_name(f"{base.name}.py"), folder / f"{package}.py"):
        if candidate.is_file():
            return candidate
    return None


@lru_cache(maxsize=512)
def file_digest(module: str) -> str | None:
    file = file_of(module)
    return None if file is None else _digest(file.read_bytes())


@lru_cache(maxsize=1024)
def text_of(place: str) -> str | None:
    """The source at a place; None if nothing is there."""
    module, _, rest = place.partition(":")
    file = file_of(module)
    if file is None:
        return None
    with tokenize.open(file) as opened:
        lines = opened.read().splitlines(keepends=True)
    owner, is_value, name = rest.partition("#")
    block: list[str] | None = lines
    for part in filter(None, owner.split(".")):
        if part != "<locals>" and block is not None:
            block = _definition(block, part)
    if block is None:
        return None
    if is_value:
        block = [line for line in block if re.search(rf"\b{re.escape(name)}\b", line)]
    return "".join(line.strip() + "\n" for line in block if line.strip()) or None


def digest_of(places: tuple[str, ...]) -> str | None:
    """One digest of all of them; None if one of them is missing."""
    # That an attribute is there is seen when it is patched; its class need not name it.
    texts = [text_of(place) or ("" if "#" in place else None) for place in places]
    return None if None in texts else _digest("\n".join(map(str, texts)).encode())


def _definition(lines: list[str], name: str) -> list[str] | None:
    """The lines of the class or function of this name, with its decorators."""
    head = re.compile(rf"(?P<indent>[ \t]*)(?:(?:async[ \t]+)?def|class)[ \t]+{re.escape(name)}\b")
    for number, line in enumerate(lines):
        if found := head.match(line):
            first = number
            while first and lines[first - 1].startswith(f"{found['indent']}@"):
                first -= 1
            return lines[first:number] + inspect.getblock(lines[number:])
    return None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]
