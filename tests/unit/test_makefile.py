"""Which Python the Makefile installs for, and when it installs again. `uv` and the Pythons are stand-ins."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"
BASICS = ("sh", "bash", "cat", "rm", "mkdir", "chmod", "ln", "awk")

pytestmark = [
    pytest.mark.subprocess,
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not on this machine"),
]

UV = """#!/bin/sh
[ "$1" = --version ] && exit 0
echo "uv $*" >>"$UV_LOG"
[ "$1" = venv ] || exit 0
mkdir -p .venv/bin
for last; do :; done
while [ $# -gt 1 ]; do [ "$1" = --python ] && python=$2; shift; done
ln -sf "$python" .venv/bin/python
printf '#!/bin/sh\\necho "harness $*"\\n' >.venv/bin/harness
chmod +x .venv/bin/harness
"""


class Machine:
    """A folder with the Makefile, and a PATH with these programs and nothing else."""

    def __init__(self, directory: Path) -> None:
        self.project = directory / "project"
        self.project.mkdir()
        self.programs = directory / "programs"
        self.programs.mkdir()
        self.uv_log = directory / "uv.log"
        shutil.copy(MAKEFILE, self.project)
        for name in ("requirements.lock", "pyproject.toml"):
            (self.project / name).touch()
        for name in BASICS:
            (self.programs / name).symlink_to(str(shutil.which(name)))
        self.program("uv", UV)

    def program(self, name: str, text: str) -> Path:
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def python(self, name: str, version: str) -> Path:
        """A Python that says of itself that it has this version, and runs no other code."""
        numbers = f"({version.replace('.', ', ')})"
        return self.program(
            name,
            f"#!{sys.executable} -IS\n"
            "import sys\n"
            f"sys.version_info, sys.version, sys.base_prefix = {numbers}, {version!r}, {version!r}\n"
            "import os; sys._base_executable = os.path.realpath(__file__)\n"
            "exec(sys.argv[2]) if 'harness' not in sys.argv[2] else print('harness', *sys.argv[3:])\n",
        )

    def make(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(shutil.which("make")), *arguments],
            cwd=self.project,
            env={"PATH": str(self.programs), "UV_LOG": str(self.uv_log), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def installed_for(self) -> list[str]:
        """The Python of each environment that was made, by the name of its program."""
        lines = self.uv_log.read_text().splitlines() if self.uv_log.exists() else []
        return [Path(line.split()[-2]).name for line in lines if line.startswith("uv venv")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_newest_python_that_is_supported_and_runs_is_taken(machine: Machine):
    machine.program("python3.13", "#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n")
    machine.python("python3.12", "3.12.1")
    machine.python("python3.11", "3.11.7")
    machine.python("python3", "3.14.0")
    assert machine.make("up").returncode == 0
    assert machine.installed_for() == ["python3.12"]


def test_a_python_without_a_version_in_its_name_will_do(machine: Machine):
    machine.python("python3", "3.14.0")
    machine.python("python", "3.13.2")
    assert machine.make("up").returncode == 0
    assert machine.installed_for() == ["python"]


def test_make_without_supported_python_names_the_versions(machine: Machine):
    machine.python("python3", "3.10.4")
    made = machine.make("up")
    assert made.returncode != 0
    assert "Python 3.11, 3.12 or 3.13 is needed and none was found" in made.stderr
    assert not (machine.project / ".venv").exists()


@pytest.mark.parametrize("version", ["3.10.4", "3.14.0"])
def test_unsupported_python_argument_is_refused(machine: Machine, version: str):
    machine.python("python3.12", "3.12.1")
    other = machine.python("other", version)
    made = machine.make("up", f"PYTHON={other}")
    assert made.returncode != 0
    assert f"PYTHON={other} is not a Python 3.11, 3.12 or 3.13 that runs" in made.stderr
    assert machine.installed_for() == []


def test_an_environment_is_installed_once(machine: Machine):
    machine.python("python3.12", "3.12.1")
    machine.make("up")
    again = machine.make("up")
    assert "Installing" not in again.stdout
    assert "harness up" in again.stdout
    assert machine.installed_for() == ["python3.12"]


def test_make_with_another_python_stops_engine_and_reinstalls(machine: Machine):
    machine.python("python3.12", "3.12.1")
    older = machine.python("python3.11", "3.11.7")
    machine.make("up")
    left = machine.project / ".venv" / "left-over"
    left.touch()
    made = machine.make("up", f"PYTHON={older}")
    assert made.stdout.index("harness down") < made.stdout.index("Installing") < made.stdout.index("harness up")
    assert machine.installed_for() == ["python3.12", "python3.11"]
    assert not left.exists()

    machine.make("up", f"PYTHON={older}")
    machine.make("up", PYTHON=str(older))
    machine.make("up")
    assert machine.installed_for() == ["python3.12", "python3.11"]


def test_make_reinstalls_changes_for_the_python_chosen_first(machine: Machine):
    machine.python("python3.13", "3.13.0")
    machine.make("up", f"PYTHON={machine.python('python3.11', '3.11.7')}")
    os.utime(machine.project / "requirements.lock", (2**32, 2**32))
    assert machine.make("up").returncode == 0
    machine.project = machine.project.rename(machine.project.with_name("moved"))
    assert machine.make("up").returncode == 0
    assert {path.resolve().name for path in (machine.project / ".venv" / "bin").glob("python")} == {"python3.11"}


def test_moved_folder_is_reinstalled(machine: Machine):
    """The programs of an environment name the folder that they were installed in."""
    machine.python("python3.12", "3.12.1")
    machine.make("up")
    machine.project = machine.project.rename(machine.project.with_name("moved"))
    assert machine.make("up").returncode == 0
    assert machine.installed_for() == ["python3.12", "python3.12"]


def test_environment_without_its_python_is_reinstalled(machine: Machine):
    gone = machine.python("python3.12", "3.12.1")
    machine.python("python3.11", "3.11.7")
    machine.make("up")
    gone.unlink()
    assert machine.make("up").returncode == 0
    assert machine.installed_for() == ["python3.12", "python3.11"]


def test_a_uv_on_the_path_that_does_not_run_is_not_used(machine: Machine):
    machine.program("uv", "#!/bin/sh\necho 'pyenv: uv: command not found' >&2\nexit 127\n")
    fetched = machine.program("fetched-uv", UV)
    python = machine.program(
        "python3.12",
        '#!/bin/sh\ncase "$1 $2 $3" in\n'
        '"-m venv"*) mkdir -p .venv/bin; ln -s "$0" .venv/bin/python;;\n'
        f'"-m pip install") ln -s {fetched} .venv/bin/uv;;\n'
        "esac\n",
    )
    made = machine.make(".venv/.installed", PYTHON=str(python))
    assert made.returncode == 0, made.stderr
    assert "uv pip install" in machine.uv_log.read_text()


def test_clean_stops_the_engine_and_removes_what_was_made(machine: Machine):
    machine.python("python3.12", "3.12.1")
    machine.make("up")
    (machine.project / ".harness").mkdir()
    made = machine.make("clean")
    assert "harness down" in made.stdout
    assert sorted(path.name for path in machine.project.iterdir()) == [
        "Makefile",
        "pyproject.toml",
        "requirements.lock",
    ]


def test_a_python_that_comes_with_a_space_in_its_path_is_taken(machine: Machine):
    spaced = machine.programs / "my pythons"
    spaced.mkdir()
    machine.python("python3.12", "3.12.1").rename(spaced / "python3.12")
    made = machine.make("up", f"PYTHON={spaced / 'python3.12'}")
    assert made.returncode == 0, made.stderr
    assert (machine.project / ".venv" / "bin" / "python").readlink() == spaced / "python3.12"


def test_engine_and_iam_variables_are_passed_to_the_harness(machine: Machine):
    machine.python("python3.12", "3.12.1")
    assert "harness up --engine=docker --iam=report\n" in machine.make("up", "ENGINE=docker", "IAM=report").stdout
    assert "harness up\n" in machine.make("up").stdout
