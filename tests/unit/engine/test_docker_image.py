"""What the engine's image is built from, and that its recipe says nothing else than the code around it."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from harness.engine.docker import image
from harness.engine.localstack_settings import SETTINGS, addresses

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / image.DOCKERFILE).read_text()
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["localstack"]


def _environment(dockerfile: str) -> dict[str, str]:
    """The variables of the final stage, except those that only the image has."""
    final = dockerfile[dockerfile.rindex("\nFROM ") :].replace("\\\n", " ")
    (line,) = re.findall(r"^ENV (.*)$", final, re.MULTILINE)
    variables = dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line))
    return {name: value.strip('"') for name, value in variables.items()}


def test_docker_run_has_the_settings_of_the_embedded_engine():
    environment = _environment(DOCKERFILE)
    only_in_the_image = {
        name: environment.pop(name)
        for name in ("HARNESS_LOG_FILE", "HARNESS_TOKEN_FILE", "LOCALSTACK_SUPERVISOR_COMMAND")
    }

    assert environment == {**SETTINGS, **addresses("0.0.0.0", 4566)}
    assert only_in_the_image["LOCALSTACK_SUPERVISOR_COMMAND"].endswith("-m harness.emulator")


def test_compose_sets_port_dependent_values_as_the_engine_does():
    port = "${HARNESS_PORT:-4566}"
    environment = COMPOSE["environment"]

    assert {name: environment[name] for name in addresses("0.0.0.0", 1)} == {
        name: value.replace("1234", port) for name, value in addresses("0.0.0.0", 1234).items()
    }
    assert COMPOSE["ports"] == [f"${{HARNESS_BIND:-127.0.0.1}}:{port}:{port}"]


def test_compose_and_test_run_pass_the_same_build_arguments():
    everything = dict.fromkeys(
        (
            "LOCALSTACK_IMAGE",
            "LOCALSTACK_VERSION",
            *(name for name, value in COMPOSE["build"]["args"].items() if not value),
        ),
        "given",
    )

    assert image.build_arguments(everything).keys() == COMPOSE["build"]["args"].keys()
    assert COMPOSE["build"]["dockerfile"] == image.DOCKERFILE
    # Docker predefines the proxies' variables.
    declared = set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE))
    assert {name for name in COMPOSE["build"]["args"] if not name.endswith("_PROXY")} == declared


def test_env_example_lists_exactly_the_variables_of_compose():
    files = [path.read_text() for path in ROOT.glob("docker-compose*.yml")]
    used = {name for text in files for name in re.findall(r"\$\{(\w+)", text)}
    used |= {name for name, value in COMPOSE["build"]["args"].items() if value is None}
    explained = set(re.findall(r"^#(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    # Docker's own, which no file names.
    assert explained == used | {"COMPOSE_PROJECT_NAME", "DOCKER_DEFAULT_PLATFORM"}


def test_empty_build_argument_is_not_passed():
    assert image.build_arguments({"PIP_INDEX_URL": "", "HOME": "/root"}) == {}


def test_a_build_for_a_test_run_reads_what_compose_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / ".env").write_text("LOCALSTACK_VERSION=4.13.0\nPIP_INDEX_URL=http://file\n")
    monkeypatch.setattr(image, "PACKAGE", tmp_path / "harness")
    monkeypatch.delenv("LOCALSTACK_VERSION", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://environment")

    given = image.build_arguments(image.settings())

    assert (given["BASE_VERSION"], given["PIP_INDEX_URL"]) == ("4.13.0", "http://environment")


def test_image_is_built_from_the_emulator_files_only():
    files = set(image.tree(ROOT))

    assert {"pyproject.toml", "LICENSE", image.DOCKERFILE, "harness/emulator/startup.py"} <= files
    assert "harness/emulator/lambda_/node_runtime.mjs" in files
    rest = {f for f in files if not f.startswith(image.IN_THE_IMAGE)}
    assert rest - {"pip.conf"} == {
        "pyproject.toml",
        "LICENSE",
        "harness/engine/docker/Dockerfile",
        "harness/engine/docker/requirements.py",
    }
    assert not any("__pycache__" in f for f in files)


def test_image_has_every_project_module_the_emulator_imports():
    files = set(image.tree(ROOT))
    python = [name for name in files if name.startswith(image.IN_THE_IMAGE) and name.endswith(".py")]
    imported = {
        module
        for name in python
        for module in re.findall(
            r"^\s*(?:from|import) (harness\.[\w.]+)", _run((ROOT / name).read_text()), re.MULTILINE
        )
    }

    assert "harness.journal.records" in imported
    paths = {module: module.replace(".", "/") for module in imported}
    assert [m for m, path in paths.items() if not {f"{path}.py", f"{path}/__init__.py"} & files] == []


def _run(source: str) -> str:
    """The source without what only a type checker reads."""
    return re.sub(r"^if TYPE_CHECKING:\n(?:[ \t]+.*\n|\n)+", "", source, flags=re.MULTILINE)


def test_image_tag_changes_with_emulator_and_not_with_index():
    files = {"harness/emulator/a.py": b"1", "pyproject.toml": b""}
    arguments = {"BASE_VERSION": "4.14.0", "PIP_INDEX_URL": "http://one"}
    tag = image.tag_of(files, arguments, None)

    assert image.tag_of({**files, "pip.conf": b"x"}, {**arguments, "PIP_INDEX_URL": "http://two"}, None) == tag
    assert image.tag_of({**files, "harness/emulator/a.py": b"2"}, arguments, None) != tag
    assert image.tag_of(files, {**arguments, "BASE_VERSION": "4.13.0"}, None) != tag
    assert image.tag_of(files, arguments, "linux/arm64") != tag
    moved = {"harness/emulator/b.py": b"1", "pyproject.toml": b""}
    assert image.tag_of(moved, arguments, None) != tag


@pytest.fixture
def requirements(tmp_path: Path):
    """Runs the script that the recipe runs, in a folder with these files."""
    script = (ROOT / "harness/engine/docker/requirements.py").read_text()
    (tmp_path / "requirements.py").write_text(script)

    def run(what: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "requirements.py", what], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.split("\n")[:-1]

    return run


PROJECT = """
[build-system]
requires = ["setuptools>=77"]
[project.optional-dependencies]
emulator = ["awslambdaric>=3", "uv>=0.9"]
"""


def test_the_recipe_takes_requirements_from_the_tree(requirements, tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text(PROJECT)

    assert requirements("emulator") == ["awslambdaric>=3", "uv>=0.9"]
    assert requirements("build") == ["setuptools>=77"]


METADATA = """Metadata-Version: 2.4
Name: serverless-harness
Version: 0.1.0
Requires-Dist: typer>=0.15
Requires-Dist: colorama>=0.4; sys_platform == "win32"
Provides-Extra: emulator
Requires-Dist: awslambdaric>=3; extra == "emulator"
Requires-Dist: docker>=7; extra == "docker"
"""


def test_the_recipe_takes_requirements_from_a_wheel(requirements, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "serverless_harness-0.1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("serverless_harness-0.1.0.dist-info/METADATA", METADATA)

    assert requirements("emulator") == ["awslambdaric>=3"]
    assert requirements("build") == []
