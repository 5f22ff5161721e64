"""Lets LocalStack 4.14.0 run on Python 3.11 and 3.12.

Its metadata says Python 3.10, but it is written for 3.13:

- Eight of its modules, S3's and CloudFormation's among them, use the type parameter syntax of 3.12 (PEP 695:
  `class Store[T](dict):`, `def f[T](x: T)`, `type Alias = ...`). Without this module it boots on 3.11 and then answers
  every call with "invalid syntax". The syntax is for type checkers only, so it is written as the older Python does.
- One imports `warnings.deprecated` of 3.13 (PEP 702).
- One writes `threading.Lock | None`, and before 3.13 `Lock` is a function: without this module every service that
  LocalStack installs something for fails, Step Functions first, with "unsupported operand type(s) for |".
- KMS gives `uuid.uuid5` a name in bytes, which 3.12 began to take; on 3.11 CreateKey fails with "encoding without a
  string argument".
"""

import hashlib
import importlib.machinery
import importlib.util
import re
import sys
import uuid
import warnings
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

import typing_extensions

from harness.emulator.patches import inserted, replaced

_CLASS = re.compile(r"^(?P<head>\s*class \w+)\[(?P<parameters>[^\]]+)\](?:\((?P<bases>.*)\))?:$", re.MULTILINE)
_FUNCTION = re.compile(r"^(?P<head>\s*(?:async )?def \w+)\[(?P<parameters>[^\]]+)\]\(", re.MULTILINE)
_ALIAS = re.compile(r"^type (?P<name>\w+) = ", re.MULTILINE)


def without_type_parameter_syntax(source: str) -> str:
    """Rewrite PEP 695 syntax with `typing.TypeVar` and `typing.Generic`; line numbers stay as they are."""
    names: set[str] = set()

    def declare(parameters: str) -> list[str]:
        declared = [p.split(":")[0].strip() for p in parameters.split(",")]
        names.update(declared)
        return declared

    def rewrite_class(match: re.Match[str]) -> str:
        generic = f"__typing.Generic[{', '.join(declare(match['parameters']))}]"
        return f"{match['head']}({', '.join(filter(None, (match['bases'], generic)))}):"

    def rewrite_function(match: re.Match[str]) -> str:
        declare(match["parameters"])
        return f"{match['head']}("

    source = _CLASS.sub(rewrite_class, source)
    source = _FUNCTION.sub(rewrite_function, source)
    source = _ALIAS.sub(r"\g<name> = ", source)
    preamble = "import typing as __typing; " + "".join(f"{n} = __typing.TypeVar({n!r}); " for n in sorted(names))
    return _after_future_imports(source, preamble)


def _after_future_imports(source: str, preamble: str) -> str:
    """Put `preamble` before the first statement that may follow it, on that statement's own line."""
    first = re.search(r"^(?:import |from (?!__future__)|@|class |def )", source, re.MULTILINE)
    position = first.start() if first else 0
    if first and first.group().startswith(("@", "class ", "def ")):
        return f"{source[:position]}{preamble.rstrip('; ')}\n{source[position:]}"
    return f"{source[:position]}{preamble}{source[position:]}"


class _Loader(SourceFileLoader):
    def source_to_code(self, data: Any, path: Any, **options: Any) -> CodeType:  # type: ignore[override]
        if self.name == "localstack.packages.api":
            data = bytes(data).replace(b"install_lock: Lock | None", b'install_lock: "Lock | None"')
        try:
            return super().source_to_code(data, path, **options)
        except SyntaxError:
            text = importlib.util.decode_source(bytes(data))
            return super().source_to_code(without_type_parameter_syntax(text).encode(), path, **options)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith("localstack."):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def _uuid5_of_bytes(namespace: uuid.UUID, name: str | bytes) -> uuid.UUID:
    """`uuid.uuid5` as of Python 3.12 (RFC 9562, version 5)."""
    data = name.encode() if isinstance(name, str) else name
    return uuid.UUID(bytes=hashlib.sha1(namespace.bytes + data, usedforsecurity=False).digest()[:16], version=5)


def install() -> None:
    """Add what this Python does not have; call it before anything of LocalStack is imported."""
    replaced(
        warnings,
        "deprecated",
        typing_extensions.deprecated,
        because="LocalStack imports warnings.deprecated, which came with Python 3.13",
        source="https://peps.python.org/pep-0702/",
        when=not hasattr(warnings, "deprecated"),
        is_new=True,
    )
    replaced(
        uuid,
        "uuid5",
        _uuid5_of_bytes,
        because="KMS gives uuid.uuid5 a name in bytes, which came with Python 3.12",
        source="https://docs.python.org/3/library/uuid.html#uuid.uuid5",
        when=sys.version_info < (3, 12),
    )
    inserted(
        sys,
        "meta_path",
        _Finder(),
        because="LocalStack's modules have the type parameter syntax of Python 3.12, and one Lock | None of 3.13",
        source="https://peps.python.org/pep-0695/",
        first=True,
        when=sys.version_info < (3, 13),
    )
