"""Checks that a function's handler exists: the file, and the name in it. The code is read, not run."""

import ast
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.deploy.sources import Sources


@dataclass(frozen=True, slots=True)
class Handler:
    """A function's Handler and the folders that are searched for it.

    `layers` are the folders of the local layers, laid out as at run time; `complete` is false if the function has other
    layers as well, so a handler that is not found may still exist.
    """

    handler: str
    runtime: str
    code: Path
    layers: Sequence[Path]
    complete: bool


def handler_problem(handler: Handler, sources: Sources) -> str | None:
    """What is wrong with the handler, or None."""
    if handler.code.is_file():
        return None
    if handler.runtime.startswith("python"):
        return _python(handler, sources)
    if handler.runtime.startswith("nodejs"):
        return _nodejs(handler, sources)
    if handler.runtime.startswith("provided"):
        has_bootstrap = PurePosixPath("bootstrap") in map(_posix, sources.files(handler.code))
        if not has_bootstrap and handler.complete and not handler.layers:
            return f"{handler.code} has no file 'bootstrap', which the runtime {handler.runtime} starts."
    return None


def _python(handler: Handler, sources: Sources) -> str | None:
    module, _, name = handler.handler.rpartition(".")
    if not module:
        return f"Handler {handler.handler!r} must be '<file>.<function>', such as 'app.handler'."
    # Lambda takes both `package.module.name` and `package/module.name`.
    stem = module.replace(".", "/")
    candidates = [f"{stem}.py", f"{stem}/__init__.py"]
    file = _find(candidates, handler, sources)
    if file is None:
        return (
            f"Handler {handler.handler!r}: there is no {candidates[0]} in {handler.code}." if handler.complete else None
        )
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    except SyntaxError as error:
        # Not a mistake: the syntax may be of a newer Python, which the function's runtime knows.
        newer = _minor(handler.runtime) > sys.version_info.minor
        return None if newer else f"Handler {handler.handler!r}: {file}:{error.lineno}: {error.msg}."
    names = _bound_names(tree.body)
    if name in names or "*" in names:
        return None
    functions = ", ".join(sorted(node.name for node in tree.body if isinstance(node, ast.FunctionDef))) or "none"
    return f"Handler {handler.handler!r}: {file} has no {name!r}; its functions are: {functions}."


def _minor(runtime: str) -> int:
    minor = runtime.rpartition(".")[2]
    return int(minor) if minor.isdigit() else 0


def _nodejs(handler: Handler, sources: Sources) -> str | None:
    module, _, _name = handler.handler.rpartition(".")
    if not module:
        return f"Handler {handler.handler!r} must be '<file>.<export>', such as 'index.handler'."
    candidates = [f"{module}{suffix}" for suffix in (".js", ".mjs", ".cjs")]
    if _find(candidates, handler, sources) is None and handler.complete:
        return f"Handler {handler.handler!r}: there is no {' or '.join(candidates)} in {handler.code}."
    return None


def _find(candidates: Sequence[str], handler: Handler, sources: Sources) -> Path | None:
    for folder in (handler.code, *handler.layers):
        files = set(map(_posix, sources.files(folder))) if folder.is_dir() else set()
        for candidate in candidates:
            if PurePosixPath(candidate) in files:
                return folder / candidate
    return None


def _posix(path: Path) -> PurePosixPath:
    return PurePosixPath(path.as_posix())


def _bound_names(body: Sequence[ast.stmt]) -> set[str]:
    """Names that a module binds at its top level, also inside of `if`, `try` and `with`; `*` for a star import."""
    names: set[str] = set()
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Import() | ast.ImportFrom():
                names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names.update(name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))
            case ast.If() | ast.For() | ast.While():
                names |= _bound_names(node.body) | _bound_names(node.orelse)
            case ast.With():
                names |= _bound_names(node.body)
            case ast.Try():
                names |= _bound_names(node.body) | _bound_names(node.orelse) | _bound_names(node.finalbody)
                for caught in node.handlers:
                    names |= _bound_names(caught.body)
            case _:
                continue
    return names
