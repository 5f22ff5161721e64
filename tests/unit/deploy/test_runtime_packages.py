"""The command that deploys installs the packages that an engine needs to run another Python than its own."""

import sys
from pathlib import Path

import pytest
import uv

from harness.deploy import interpreters
from harness.deploy.artifacts import python_runtimes
from harness.deploy.interpreters import Interpreters
from harness.engine import Target
from harness.topology import Scope, Template

ENGINE = Target(engine="embedded", endpoint_url="http://127.0.0.1:9", capabilities=frozenset({"x"}))
REQUIREMENTS = ["awslambdaric==4.2.2", "boto3==1.42.54"]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "lambda-runtimes" / "python3.99-awslambdaric-4.2.2-boto3-1.42.54"


@pytest.fixture
def asked(monkeypatch, folder):
    """An engine on Python 3.13 without the packages of its Python 3.99; the number of requests to it."""
    calls = []

    def answer(_target, path):
        calls.append(path)
        own = {"python": "3.13.0", "platform": "x86_64-unknown-linux-gnu", "warning": "on 3.13", "missing": None}
        if folder.exists():
            return own | {"python": "3.99.0", "warning": None}
        missing = {"executable": "/python3.99", "python": "3.99.0", "requirements": REQUIREMENTS, "folder": str(folder)}
        return own | {"missing": missing}

    monkeypatch.setattr(interpreters, "harness_answer", answer)
    return calls


@pytest.fixture
def uv_that(tmp_path, monkeypatch):
    """`uv_that(code)`: a uv that runs this code, with its arguments in `arguments`."""

    def make(code):
        path = tmp_path / "uv"
        path.write_text(f"#!{sys.executable} -IS\nimport os, sys\narguments = sys.argv[1:]\n{code}\n")
        path.chmod(0o755)
        monkeypatch.setattr(uv, "find_uv_bin", lambda: str(path))

    return make


INSTALLS = 'os.makedirs(arguments[arguments.index("--target") + 1] + "/boto3")'
FAILS = 'sys.exit("error: Request failed after 3 retries\\n  cause: dns error\\n")'


def test_missing_packages_are_installed_before_the_build(asked, uv_that, folder):
    uv_that(INSTALLS)

    found = Interpreters(ENGINE).of("python3.99", "x86_64")

    assert [path.name for path in folder.iterdir()] == ["boto3"]
    assert (found.version, found.warning) == ("3.99", None)
    assert len(asked) == 2


def test_index_is_asked_only_for_what_the_cache_lacks(asked, uv_that, folder):
    uv_that(f'if "--offline" in arguments:\n    sys.exit(2)\n{INSTALLS}')

    assert Interpreters(ENGINE).of("python3.99", "x86_64").warning is None
    assert folder.is_dir()
    assert len(asked) == 2


def test_packages_that_cannot_be_had_are_named_with_the_way_out(asked, uv_that, folder):
    uv_that(FAILS)

    found = Interpreters(ENGINE).of("python3.99", "x86_64")

    assert found.version == "3.13"
    assert found.warning == (
        "python3.99 functions run on the engine's own Python: awslambdaric==4.2.2 and boto3==1.42.54 for Python 3.99.0 at "
        f"/python3.99 cannot be installed into {folder}: Request failed after 3 retries: dns error. Repeat the command with "
        f"a network, or install them from a mirror: uv pip install --python /python3.99 --target {folder} "
        "awslambdaric==4.2.2 boto3==1.42.54"
    )
    assert not folder.exists()
    assert list(folder.parent.iterdir()) == []
    assert len(asked) == 1


def test_folder_that_cannot_be_written_is_a_warning(asked, uv_that, folder):
    uv_that(INSTALLS)
    folder.parent.write_text("a file in its place")

    assert "File exists" in (Interpreters(ENGINE).of("python3.99", "x86_64").warning or "")
    assert len(asked) == 1


@pytest.mark.parametrize("engine", ["docker", "endpoint"])
def test_files_of_another_machine_are_left_alone(asked, uv_that, folder, engine):
    uv_that(INSTALLS)
    target = Target(engine=engine, endpoint_url="http://127.0.0.1:9", capabilities=frozenset({"x"}))

    assert Interpreters(target).of("python3.99", "x86_64").warning == "on 3.13"
    assert not folder.exists()
    assert len(asked) == 1


def test_runtimes_of_a_template_are_those_known_before(tmp_path: Path):
    file = tmp_path / "template.yaml"
    file.write_text("""
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.12}}
Parameters: {Version: {Type: String, Default: python3.13}}
Resources:
  Inherits: {Type: AWS::Serverless::Function, Properties: {Handler: a.b}}
  Parametrised: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: !Ref Version}}
  Unknown: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: !ImportValue Runtime}}
  Node: {Type: AWS::Lambda::Function, Properties: {Handler: a.b, Runtime: nodejs22.x}}
  Plain: {Type: AWS::Lambda::Function, Properties: {Handler: a.b, Runtime: python3.11}}
  Queue: {Type: AWS::SQS::Queue}
""")
    template = Template(file, "app")

    found = dict(python_runtimes(template, Scope(template.body, {"Version": "python3.13"})))

    assert found == {"Inherits": "python3.12", "Parametrised": "python3.13", "Plain": "python3.11"}
