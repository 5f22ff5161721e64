"""Where compiled modules are kept, by what the shell says and what the installation has."""

from pathlib import Path

import pytest

from harness import bytecode


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that is not compiled, in place of the large ones."""
    package = tmp_path / "site" / "large"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(bytecode, "_LARGE_PACKAGES", ("large",))
    return package


def test_variable_that_forbids_bytecode_moves_it_to_the_cache(tmp_path: Path):
    environment = {bytecode.DONT_WRITE: "1", "HOME": str(tmp_path)}
    folder = tmp_path / ".cache" / "serverless-harness" / "bytecode"
    assert bytecode.settings(environment, tmp_path / "state") == {bytecode.DONT_WRITE: "", bytecode.PREFIX: str(folder)}
    assert folder.is_dir()


@pytest.mark.parametrize("home", [None, "a-file"])
def test_bytecode_without_writable_home_is_in_state_folder(tmp_path: Path, home: str | None):
    (tmp_path / "a-file").touch()
    environment = {bytecode.DONT_WRITE: "1"} | ({"HOME": str(tmp_path / home)} if home else {})
    chosen = bytecode.settings(environment, tmp_path / "state")
    assert chosen[bytecode.PREFIX] == str(tmp_path / "state" / "bytecode")


def test_existing_bytecode_next_to_sources_is_used(installed: Path, tmp_path: Path):
    compiled = Path(bytecode.importlib.util.cache_from_source(str(installed / "__init__.py")))
    compiled.parent.mkdir()
    compiled.touch()
    assert bytecode.settings({bytecode.DONT_WRITE: "1", "HOME": str(tmp_path)}, tmp_path) == {}


def test_writable_source_folder_needs_no_bytecode_setting(tmp_path: Path):
    assert bytecode.settings({"HOME": str(tmp_path)}, tmp_path) == {}


def test_chosen_folder_of_the_user_is_kept(tmp_path: Path):
    environment = {bytecode.PREFIX: "/elsewhere", bytecode.DONT_WRITE: "1"}
    assert bytecode.settings(environment, tmp_path) == {bytecode.DONT_WRITE: ""}
