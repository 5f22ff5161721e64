"""The register of patches is whole: it names every change to foreign code, and there is no way around it."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.emulator.patches import page
from harness.emulator.patches.register import FILE, Accepted

EMULATOR = Path(__file__).parents[4] / "harness/emulator"
PAGE = Path(__file__).parents[4] / "docs/reference/patches.md"
SCRIPTS = {"lambda_/zygote.py"}
"""Scripts that run in the process of a function, where `sys` belongs to the function."""

STORES = {
    "provider.EMAILS": "where SES keeps the mails that were sent",
    "_STANDARD._threads_queues": "where pools keep their threads",
    "chain": "the journal puts a handler of ours, which is in the chain, in the place of itself",
}
"""Containers of LocalStack and moto that hold state and no behaviour."""


@pytest.mark.subprocess
def test_register_is_up_to_date():
    """Applies all patches in a process that serves nothing, and searches there for harness functions that no patch set."""
    done = subprocess.run(
        [sys.executable, "-m", "harness.emulator.patch_audit", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"Run 'make patches'.\n{done.stdout}{done.stderr[-3000:]}"


@pytest.mark.subprocess
def test_installed_packages_match_the_audited_ones():
    done = subprocess.run(
        [sys.executable, "-m", "harness.emulator.patch_audit", "--installed"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""


def test_page_is_written_from_the_register():
    assert PAGE.read_text() == page.render(json.loads(FILE.read_text())), "Run 'make patches'."


def test_every_patch_has_a_reason_and_a_target_in_one_layer():
    patches = Accepted.read().patches
    assert len({(p.target, p.layer) for p in patches if p.how in ("wraps", "replaces")}) == len(
        {(p.target, p.module, p.layer) for p in patches if p.how in ("wraps", "replaces")}
    )
    assert all(len(patch.because) > 10 for patch in patches)
    assert all(patch.source.startswith("https://") for patch in patches if patch.source)


def test_foreign_code_is_changed_by_the_mechanism_alone():
    found = [
        f"{path.relative_to(EMULATOR)}:{line} {what}"
        for path in sorted(EMULATOR.rglob("*.py"))
        if path.parent.name != "patches" and path.relative_to(EMULATOR).as_posix() not in SCRIPTS
        for line, what in changes(ast.parse(path.read_text()))
    ]
    assert not found, "Use harness.emulator.patches: " + "; ".join(found)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("from localstack.utils.patch import patch", "localstack.utils.patch"),
        ("from localstack.utils import patch", "localstack.utils.patch"),
        ("from moto import models\nmodels.jwk = None", "models.jwk = ..."),
        ("def f():\n    from moto import models\n    models.jwk = None", "models.jwk = ..."),
        ("from twisted.internet import reactor\nr: Any = reactor\nr.listenTCP = None", "r.listenTCP = ..."),
        ("from moto.x import PAGES\nPAGES['list']['size'] = 1", "PAGES['list']['size'] = ..."),
        ("import socket\nsocket.a, socket.b = 1, 2", "socket.a = ..."),
        ("from moto import A, B\nfor kind in (A, B):\n    kind.put = None", "kind.put = ..."),
        ("from moto import A\nsetattr(A, 'put', None)", "setattr(A, ...)"),
        ("import a.b\nfor owner, n in ((a.b, 'x'), (c, 'y')):\n    setattr(owner, n, 1)", "setattr(owner, ...)"),
        ("from localstack.aws.handlers import chain\nchain.append(f)", "chain.append(...)"),
        (
            "from localstack.aws import handlers\nhandlers.chain.handlers.insert(0, f)",
            "handlers.chain.handlers.insert(...)",
        ),
        ("import importlib\nm = importlib.import_module(n)\nm.requests = 1", "m.requests = ..."),
        ("import typing\nfrom moto import A\nobject.__setattr__(A.b, 'c', 1)", "object.__setattr__(A.b, ...)"),
    ],
)
def test_ways_around_the_mechanism_are_seen(source, what):
    assert [found for _, found in changes(ast.parse(source))][:1] == [what]


def changes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Imports of LocalStack's own `patch`, and what sets or adds to attributes of what is imported from elsewhere."""
    foreign = foreign_names(tree)

    def is_foreign(node: ast.expr) -> bool:
        return root(node) in foreign

    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="localstack.utils.patch"):
                yield node.lineno, "localstack.utils.patch"
            case ast.ImportFrom(module="localstack.utils", names=names) if any(each.name == "patch" for each in names):
                yield node.lineno, "localstack.utils.patch"
            case ast.Assign() | ast.AugAssign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in (part for each in targets for part in getattr(each, "elts", [each])):
                    is_store = isinstance(target, ast.Subscript) and ast.unparse(target.value) in STORES
                    if isinstance(target, ast.Attribute | ast.Subscript) and is_foreign(target) and not is_store:
                        yield node.lineno, f"{ast.unparse(target)} = ..."
            case ast.Call(func=ast.Name(id="setattr"), args=[owner, *_]) if is_foreign(owner):
                yield node.lineno, f"setattr({ast.unparse(owner)}, ...)"
            case ast.Call(func=ast.Attribute(attr="__setattr__") as called, args=[owner, *_]) if is_foreign(owner):
                yield node.lineno, f"{ast.unparse(called)}({ast.unparse(owner)}, ...)"
            case ast.Call(func=ast.Attribute(attr="append" | "insert" | "extend", value=owner) as called):
                if is_foreign(owner):
                    yield node.lineno, f"{ast.unparse(called)}(...)"


def root(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def foreign_names(tree: ast.Module) -> set[str]:
    """Names of what is imported from elsewhere, and of variables that are it or one of it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("harness"):
            names |= {each.asname or each.name for each in node.names}
        elif isinstance(node, ast.Import):
            names |= {(each.asname or each.name).split(".")[0] for each in node.names}
    for node in ast.walk(tree):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                names |= {name} if is_of(value, names) else set()
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                names |= {name} if is_of(value, names) else set()
            case ast.For(target=target, iter=ast.Tuple(elts=elements)):
                if any(
                    is_of(each, names) or any(is_of(e, names) for e in getattr(each, "elts", ())) for each in elements
                ):
                    names |= {each.id for each in ast.walk(target) if isinstance(each, ast.Name)}
    return names - {"self", "cls"}


def is_of(value: ast.expr, names: set[str]) -> bool:
    """Whether it is a foreign module or class, and no object that a call made of one."""
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).endswith("import_module")
    return isinstance(value, ast.Name | ast.Attribute) and root(value) in names
