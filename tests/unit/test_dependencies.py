"""Each distribution that pyproject.toml requires is imported by the part that requires it, and the other way round."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]

NOT_IMPORTED = {
    "boto3-stubs": "types, for mypy",
    "cbor2": "a bound: LocalStack does not run with later releases",
    "cfn-lint": "a program: lints templates",
    "cryptography": "a bound: LocalStack does not run with later releases",
    "flask": "moto's server, which a test starts as a program",
    "flask-cors": "moto's server, which a test starts as a program",
    "import-linter": "a program: make check",
    "mypy": "a program: make check",
    "pyopenssl": "a bound: LocalStack does not run with later releases",
    "pytest-randomly": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "ruff": "a program: make check",
    "service-identity": "Twisted verifies certificates with it",
    "uv": "a program: installs packages for functions",
    "zensical": "a program: make docs",
}
NOT_REQUIRED = {
    "botocore": "boto3 requires it, in the release that fits",
    "google-re2": "optional outside of the emulator: without it every record is looked at closely",
    "requests": "the Docker SDK requires it and raises its errors",
}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _required(requirements: Iterable[str]) -> set[str]:
    names = {_canonical(re.match(r"[\w.-]+", each)[0]) for each in requirements}
    return names - {PROJECT["name"]}


def _imported(paths: Iterable[Path]) -> set[str]:
    """The distributions that modules import, those of the standard library and of this repository aside."""
    modules = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    known = packages_distributions()
    return {_canonical(each) for module in modules - sys.stdlib_module_names for each in known.get(module, ())}


def _modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


EMULATOR = _modules("harness/emulator")
OUTSIDE = [path for path in _modules("harness") if path not in set(EMULATOR)]
ALL = [*_modules("harness", "tests", "scenarios", "fixtures", "stack", "docs", "benchmarks"), ROOT / "conftest.py"]


@pytest.mark.parametrize(
    ("requirements", "paths"),
    [
        pytest.param(PROJECT["dependencies"], OUTSIDE, id="dependencies"),
        pytest.param(EXTRAS["emulator"], EMULATOR, id="emulator"),
        pytest.param(EXTRAS["embedded"], EMULATOR, id="embedded"),
        pytest.param(EXTRAS["docker"], _modules("harness/engine/docker"), id="docker"),
        pytest.param([*EXTRAS["docs"], *EXTRAS["dev"]], ALL, id="docs-and-dev"),
    ],
)
def test_required_distribution_is_imported(requirements, paths):
    unused = _required(requirements) - _imported(paths) - set(NOT_IMPORTED)
    assert {each for each in unused if not each.startswith("types-")} == set()


def test_imported_distribution_is_required():
    required = _required([*PROJECT["dependencies"], *EXTRAS["docker"]])
    assert _imported(OUTSIDE) - required - {PROJECT["name"]} == set(NOT_REQUIRED)


def test_reason_is_given_for_required_distributions_only():
    required = _required([*PROJECT["dependencies"], *(each for extra in EXTRAS.values() for each in extra)])
    assert set(NOT_IMPORTED) <= required
