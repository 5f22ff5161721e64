"""Every command in bad environments: one sentence and an exit code, never a traceback.

The commands come from the program, so that a new one is covered. A world's commands run in forks of one process that has
imported the program in that world, which takes a tenth of the time of a process for each command.
"""

import contextlib
import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.cli import Exit, app
from harness.engine import EmbeddedEngine

HARNESS = Path(sys.executable).parent / "harness"
NOBODY = 65534
KNOWN_CODES = {*Exit, 130, 128 + signal.SIGPIPE}

TEMPLATE = "Resources: {Queue: {Type: AWS::SQS::Queue}}\n"
ARGUMENTS = {
    "logs": ["--lines", "5"],
    "trace": ["--number", "3"],
    "graph": ["--format", "mermaid"],
    "reset": ["--data"],
}

WALK = """
import json, os, sys, traceback
said = os.dup(1)
from harness.__main__ import main
import harness.cli

if sys.argv[2]:
    # The installation may lie where this user may not look, so all of it is read before.
    import codecs, importlib, pkgutil
    [codecs.lookup(name) for name in ("ascii", "idna", "latin-1", "utf-8-sig")]
    for module in pkgutil.walk_packages(harness.__path__, "harness."):
        if not module.name.startswith("harness.emulator"):
            importlib.import_module(module.name)
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))

for arguments in json.loads(sys.argv[1]):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        os.dup2(write, 1)
        os.dup2(write, 2)
        os.close(write)
        sys.argv = ["harness", *arguments]
        code = 99
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    os.close(write)
    output = b"".join(iter(lambda: os.read(read, 65536), b"")).decode(errors="replace")
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(said, json.dumps([arguments, code, output]).encode() + b"\\n")
"""


def commands(*without: str) -> list[list[str]]:
    """Every command of the program with arguments that suit it."""
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert {"up", "down", "status", "doctor"} <= set(names)
    return [[name, *ARGUMENTS.get(name, [])] for name in names if name not in without]


@dataclass
class World:
    """Where commands run: the folder and what is around the process. `undone` ends what was set up."""

    folder: Path
    environment: dict[str, str]
    user: int | None = None
    limits: dict[int, int] = field(default_factory=dict)
    prepare: list[Callable[[], Any]] = field(default_factory=list)
    undone: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        (self.folder / "template.yaml").write_text(TEMPLATE)

    def run(self, walked: list[list[str]]) -> dict[str, tuple[int, str]]:
        """Exit code and output of each command."""
        ran = subprocess.run(
            [sys.executable, "-c", WALK, json.dumps(walked), "" if self.user is None else str(self.user)],
            cwd=self.folder,
            env=self.environment,
            preexec_fn=self._enter,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=280,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr.decode(errors="replace")
        said = [json.loads(line) for line in ran.stdout.splitlines()]
        assert len(said) == len(walked)
        return {" ".join(arguments): (code, output) for arguments, code, output in said}

    def _enter(self) -> None:
        for kind, limit in self.limits.items():
            resource.setrlimit(kind, (limit, limit))
        for step in self.prepare:
            step()


@pytest.fixture
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="harness-world-") as name:
        Path(name).chmod(0o755)  # another user may look in
        yield from _world(Path(name) / "project")


def _world(folder: Path) -> Iterator[World]:
    folder.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "HARNESS_"))}
    world = World(folder, environment)
    yield world
    world.undone.close()
    with contextlib.suppress(OSError):
        EmbeddedEngine(folder / ".harness").stop()


def check(said: dict[str, tuple[int, str]]) -> None:
    """No command may end in a traceback, in an unknown error, or without a message."""
    for command, (code, output) in said.items():
        assert "Traceback" not in output, f"{command}: {output}"
        assert "does not know" not in output, f"{command}: {output}"
        assert code in KNOWN_CODES, f"{command} ended with {code}: {output}"
        assert code == 0 or output.strip(), f"{command} ended with {code} and no word"


def restricted(world: World, file: Path, mode: int) -> None:
    """Commands run as a user for whom the mode of a file counts; it does not for root."""
    before = file.stat().st_mode
    file.chmod(mode)
    world.undone.callback(file.chmod, before)
    if os.geteuid() == 0:
        world.user = NOBODY


def mount(world: World, options: str) -> None:
    """A separate file system as the project's folder."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", world.folder], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")
    world.undone.callback(subprocess.run, ["umount", "-l", world.folder], check=True)


# ---- worlds that no engine starts in; each with what `up` says


def state_folder_is_a_file(world: World) -> str:
    (world.folder / ".harness").write_text("")
    return r"\.harness is a file\. Remove it"


def engine_folder_is_a_file(world: World) -> str:
    (world.folder / ".harness").mkdir()
    (world.folder / ".harness" / "engine").write_text("")
    return "engine is a file, and a folder is needed there"


def state_file_is_a_folder(world: World) -> str:
    (world.folder / ".harness" / "engine.json").mkdir(parents=True)
    return "engine.json is a folder, and a file is needed there"


def log_file_is_a_folder(world: World) -> str:
    (world.folder / ".harness" / "engine.log").mkdir(parents=True)
    return "engine.log is a folder, and a file is needed there"


def memory_of_deployments_is_a_folder(world: World) -> str:
    (world.folder / ".harness" / "deployed.json").mkdir(parents=True)
    return ""


def memory_of_deployments_is_binary(world: World) -> str:
    (world.folder / ".harness").mkdir()
    (world.folder / ".harness" / "deployed.json").write_bytes(b"\xff\xfe\0")
    return ""


def memory_of_deployments_is_other_json(world: World) -> str:
    (world.folder / ".harness").mkdir()
    (world.folder / ".harness" / "deployed.json").write_text("3")
    return ""


def state_folder_is_of_another_user(world: World) -> str:
    (world.folder / ".harness").mkdir()
    restricted(world, world.folder / ".harness", 0)
    return "belongs to .*, so it is not used. Remove it" if os.geteuid() == 0 else "permission denied"


def project_folder_cannot_be_written(world: World) -> str:
    restricted(world, world.folder, 0o555)
    return r"\.harness: permission denied\. Let this user read and write \S+project"


def project_folder_cannot_be_listed(world: World) -> str:
    restricted(world, world.folder, 0o311)
    return r"permission denied"


def disk_is_read_only(world: World) -> str:
    mount(world, "size=1m")
    (world.folder / "template.yaml").write_text(TEMPLATE)
    subprocess.run(["mount", "-o", "remount,ro", world.folder], check=True)
    return "is on a file system that cannot be written. Run the command in another folder"


def disk_is_full(world: World) -> str:
    mount(world, "size=16k")
    (world.folder / "template.yaml").write_text(TEMPLATE)
    with (world.folder / "fills").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    return "No space is left on the disk"


def settings_are_a_folder(world: World) -> str:
    (world.folder / "pyproject.toml").mkdir()
    return r"pyproject\.toml is a folder"


def settings_are_binary(world: World) -> str:
    (world.folder / "pyproject.toml").write_bytes(b"\xff\xfe\0[tool")
    return r"pyproject\.toml is no text in UTF-8"


def settings_are_no_toml(world: World) -> str:
    (world.folder / "pyproject.toml").write_text("[tool.harness\n")
    return r"pyproject\.toml: not valid TOML"


def settings_are_nested_too_deep(world: World) -> str:
    (world.folder / "pyproject.toml").write_text(f"a = {'[' * 100_000}")
    return r"pyproject\.toml: not valid TOML"


def settings_are_no_table(world: World) -> str:
    (world.folder / "pyproject.toml").write_text("tool.harness = 5\n")
    return r"\[tool\.harness\] is not valid"


def settings_cannot_be_read(world: World) -> str:
    (world.folder / "pyproject.toml").write_text("[tool.harness]\n")
    restricted(world, world.folder / "pyproject.toml", 0)
    return r"pyproject\.toml cannot be read: Permission denied"


def template_is_binary(world: World) -> str:
    (world.folder / "template.yaml").write_bytes(b"\xff\xfe\0\x01")
    return r"template\.yaml"


def working_folder_is_gone(world: World) -> str:
    gone = world.folder / "gone"

    def leave() -> None:
        gone.mkdir()
        os.chdir(gone)
        gone.rmdir()

    world.prepare.append(leave)
    return "The working directory is gone. Change into one that exists"


def no_template_is_there(world: World) -> str:
    (world.folder / "template.yaml").unlink()
    return "No templates found"


BROKEN = [
    state_folder_is_a_file, engine_folder_is_a_file, state_file_is_a_folder, log_file_is_a_folder,
    state_folder_is_of_another_user, project_folder_cannot_be_written, project_folder_cannot_be_listed, disk_is_read_only,
    disk_is_full, settings_are_a_folder, settings_are_binary, settings_are_no_toml, settings_are_nested_too_deep,
    settings_are_no_table, settings_cannot_be_read, template_is_binary, working_folder_is_gone,
    no_template_is_there,
]  # fmt: skip


@pytest.mark.parametrize("break_it", BROKEN, ids=lambda world: world.__name__)
def test_commands_in_a_broken_world_say_what_is_wrong(world: World, break_it: Callable[[World], str]):
    said_by_up = break_it(world)
    said = world.run(commands())
    check(said)
    code, output = said["up"]
    assert code == Exit.FAILED, output
    assert re.search(said_by_up, output), output


def test_template_that_cannot_be_read_is_said(world: World):
    restricted(world, world.folder / "template.yaml", 0)
    said = world.run([["graph"]])
    check(said)
    assert re.search(r"template\.yaml\S*: cannot be read: .*Permission denied", said["graph"][1])


MEMORIES = [memory_of_deployments_is_a_folder, memory_of_deployments_is_binary, memory_of_deployments_is_other_json]


@pytest.mark.parametrize("break_it", MEMORIES, ids=lambda world: world.__name__)
def test_broken_memory_of_deployments_stops_no_command(world: World, break_it: Callable[[World], str]):
    break_it(world)
    check(world.run(commands("up")))


# ---- worlds that are odd, with an engine that is up


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("up")
    (folder / "template.yaml").write_text(TEMPLATE)
    try:
        subprocess.run([HARNESS, "up"], cwd=folder, check=True, capture_output=True)
        yield folder
    finally:
        EmbeddedEngine(folder / ".harness").stop()


def no_terminal(_world: World) -> None:
    """As it is: output and errors are pipes."""


def narrow(world: World) -> None:
    world.environment["COLUMNS"] = "10"


def plain_language(world: World) -> None:
    world.environment |= {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


def ascii_only(world: World) -> None:
    world.environment["PYTHONIOENCODING"] = "ascii"


def few_files(world: World) -> None:
    world.limits[resource.RLIMIT_NOFILE] = 256


def no_home(world: World) -> None:
    world.environment.pop("HOME", None)


def home_cannot_be_written(world: World) -> None:
    world.environment["HOME"] = "/proc"


def temporary_folder_is_missing(world: World) -> None:
    world.environment["TMPDIR"] = "/nowhere"


def clock_in_the_past(world: World) -> None:
    found = [*Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), *Path("/usr/lib").glob("faketime/libfaketime.so.1")]
    if not found:
        pytest.skip("libfaketime, which sets the clock of one process, is not installed")
    world.environment |= {"LD_PRELOAD": str(found[0]), "FAKETIME": "-30d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


ODD = [
    no_terminal, narrow, plain_language, ascii_only, few_files, no_home, home_cannot_be_written,
    temporary_folder_is_missing, clock_in_the_past,
]  # fmt: skip


@pytest.mark.parametrize("make_odd", ODD, ids=lambda world: world.__name__)
def test_commands_in_an_odd_world_work(world: World, up: Path, make_odd: Callable[[World], None]):
    world.folder = up
    make_odd(world)
    said = world.run(commands("down"))
    check(said)
    # doctor ends with 1 where something is missing.
    failed = {command: (code, output) for command, (code, output) in said.items() if code and command != "doctor"}
    assert failed == {}


@pytest.mark.parametrize("command", commands("down"), ids=lambda arguments: arguments[0])
def test_closed_output_is_no_traceback(up: Path, command: list[str]):
    line = " ".join([str(HARNESS), *command])
    closed = subprocess.run(["sh", "-c", f"{line} >&-"], cwd=up, stderr=subprocess.PIPE, text=True, check=False)
    assert "Traceback" not in closed.stderr
    assert closed.returncode == 0 or command == ["doctor"], closed.stderr
    broken = subprocess.run(["sh", "-c", f"{line} | head -c0"], cwd=up, stderr=subprocess.PIPE, text=True, check=False)
    assert not re.search("Traceback|Exception|BrokenPipe", broken.stderr), broken.stderr


def test_output_to_a_full_disk_is_said(up: Path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    ran = subprocess.run(
        ["sh", "-c", f"{HARNESS} status --json > /dev/full"], cwd=up, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in ran.stderr
    assert "No space is left" in ran.stderr
    assert ran.returncode == Exit.FAILED


def test_status_on_a_terminal_of_ten_columns_is_no_traceback(up: Path):
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": "10", "LINES": "3", "TERM": "xterm"}
    process = subprocess.Popen(
        [HARNESS, "status"], cwd=up, env=environment, stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    output = bytearray()
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # Linux's end of a terminal
            break
        if not chunk:
            break
        output += chunk
    os.close(leader)
    assert process.wait() == 0
    assert b"Traceback" not in output


# ---- the first moments

IMPORTED = ["harness.bytecode", "typer", "rich.console", "httpx", "harness.deploy", "harness.cli"]


@pytest.mark.parametrize("module", IMPORTED)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
def test_signal_while_the_program_is_imported_is_no_traceback(world: World, module: str, number: signal.Signals):
    said = _signalled(world, module, number)
    assert not re.search("Traceback|KeyboardInterrupt", said[1]), said[1]
    assert said[0] in (-number, 130), said


def _signalled(world: World, module: str, number: signal.Signals) -> tuple[int, str]:
    """`harness up` that gets a signal once it has imported a module; its exit code and its output besides the modules."""
    source = "from harness.__main__ import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-c", source, "up", "--template", "missing.yaml"],
        cwd=world.folder,
        env={**world.environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        if line.startswith("import time:"):
            if line.rpartition("|")[2].strip() == module:
                process.send_signal(number)
        else:
            lines.append(line)
    return process.wait(), "".join(lines)


def test_interrupt_while_the_engine_boots_leaves_nothing(world: World):
    process = subprocess.Popen(
        [HARNESS, "up"], cwd=world.folder, env=world.environment, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "Starting the engine" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    said = process.stderr.read()
    assert process.wait() == 130
    assert "Traceback" not in said
    assert not EmbeddedEngine(world.folder / ".harness").is_alive()


# ---- what the engine does where it may not look

FIND = """
import os, sys
from harness.emulator.host import older_python
older_python.install()
from harness.emulator.lambda_ import executor, runtimes
os.setgroups([]) if os.geteuid() == 0 else None
os.setuid(int(sys.argv[1]))
print(runtimes.find_interpreter((3, 0)), executor.cache_directory())
"""


def test_folders_of_interpreters_that_cannot_be_read_are_skipped(world: World):
    closed = world.folder / "closed"
    (closed / "versions").mkdir(parents=True)
    restricted(world, closed, 0)
    world.environment |= {"PYENV_ROOT": str(closed), "HARNESS_LAMBDA_PYTHONS": f"{closed / 'python3.0'}:{closed}"}
    world.environment |= {"HOME": str(closed), "TMPDIR": "/tmp"}
    world.environment.pop("XDG_CACHE_HOME", None)
    user = os.geteuid() if world.user is None else world.user
    ran = subprocess.run(
        [sys.executable, "-c", FIND, str(user)], env=world.environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["None", "/tmp/lambda-runtimes"]
