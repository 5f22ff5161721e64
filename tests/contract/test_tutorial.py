"""The tutorial, followed word by word from an empty folder, on an engine that `harness up` starts there."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generate.tutorial import Command, File, steps

SECONDS = 300


class Reader:
    """Does what the page says, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = Path(sys.executable).parent
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "HARNESS", "AWS"))}
        self._environment = {**kept, "PATH": f"{programs}:{os.environ['PATH']}", "NO_COLOR": "1", "COLUMNS": "112"}

    def write(self, file: File) -> None:
        path = self.folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8")

    def run(self, line: str) -> str:
        ran = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        return ran.stdout


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    folder = tmp_path / "shop"
    folder.mkdir()
    reader = Reader(folder)
    yield reader
    reader.run("harness down")


def test_tutorial_works_word_by_word(reader: Reader):
    commands = [step for step in steps() if isinstance(step, Command)]
    assert commands[0].line == "harness up"
    assert commands[-1].line == "harness down"
    for step in steps():
        if isinstance(step, File):
            reader.write(step)
            continue
        output = reader.run(step.line)
        assert step.missing_from(output) is None, f"$ {step.line}\n{output}"
