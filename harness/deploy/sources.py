"""The files of a code folder, and their fingerprint."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

_FOLDERS = frozenset(
    {
        ".git", ".hg", ".svn", ".idea", ".vscode", ".venv", ".aws-sam", ".harness", ".tox", ".hypothesis",
        "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache",
    }
)  # fmt: skip
_FILES = frozenset({".DS_Store", ".gitignore", ".gitattributes", ".coverage"})
_SUFFIXES = (".pyc", ".pyo")
_TEST_FOLDERS = frozenset({"test", "tests"})


class Sources:
    """Reads each code folder once, so that one command sees one state of the disk."""

    def __init__(self) -> None:
        self._files: dict[Path, tuple[Path, ...]] = {}
        self._fingerprints: dict[Path, str] = {}

    def files(self, folder: Path) -> tuple[Path, ...]:
        """The files below `folder` that belong in a deployment package, relative to it and sorted.

        Excluded: version control, caches, compiled files, editors' and tools' folders, and a `test` or `tests` folder
        at the top level with tests of pytest or unittest (`test_*.py`, `conftest.py`). Links are followed.
        """
        if folder not in self._files:
            self._files[folder] = tuple(sorted(_walk(folder, folder, (folder.resolve(),))))
        return self._files[folder]

    def fingerprint(self, path: Path) -> str:
        """A hash of a file, or of every deployed file below a folder with its name and executable bit."""
        if path not in self._fingerprints:
            digest = hashlib.sha256()
            names = [Path(path.name)] if path.is_file() else self.files(path)
            top = path.parent if path.is_file() else path
            for name in names:
                content = (top / name).read_bytes()
                mode = "x" if is_executable(top / name) else "-"
                digest.update(f"{name.as_posix()}\0{mode}\0{len(content)}\0".encode())
                digest.update(content)
            self._fingerprints[path] = digest.hexdigest()
        return self._fingerprints[path]


def is_executable(file: Path) -> bool:
    return bool(file.stat().st_mode & 0o111)


def _walk(top: Path, folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if entry.is_dir():
            if entry.name in _FOLDERS or (folder == top and entry.name in _TEST_FOLDERS and _holds_tests(path)):
                continue
            if (real := path.resolve()) not in above:  # a link to a parent folder would never end
                yield from _walk(top, path, (*above, real))
        elif entry.name not in _FILES and not entry.name.endswith(_SUFFIXES) and entry.is_file():
            yield path.relative_to(top)


def _holds_tests(folder: Path) -> bool:
    return any(path.name == "conftest.py" or path.match("test_*.py") for path in folder.rglob("*.py"))
