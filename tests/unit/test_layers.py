"""The law of layers (ARCHITECTURE.md)."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.subprocess
def test_every_part_imports_only_from_those_below_it():
    linter = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_deployed_code_does_not_import_the_harness():
    for source in (ROOT / "stack").rglob("*.py"):
        text = source.read_text()
        assert "import harness" not in text, source
        assert "from harness" not in text, source


def test_architecture_names_every_package_of_the_emulator():
    page = (ROOT / "ARCHITECTURE.md").read_text()
    emulator = ROOT / "harness" / "emulator"
    packages = [path.parent.name for path in emulator.glob("*/__init__.py")]
    modules = [path.stem for name in ("controls", "host") for path in (emulator / name).glob("[a-z]*.py")]
    assert len(packages) > 30
    assert [name for name in packages if f"`{name}/`" not in page] == []
    assert [name for name in modules if f"`{name}`" not in page] == []
