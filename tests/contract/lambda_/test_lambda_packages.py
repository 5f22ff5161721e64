"""An engine without the packages of a Python: it downloads nothing, and the command that deploys installs them."""

import os
import sys
from pathlib import Path

import pytest

from harness.deploy.interpreters import Interpreters
from harness.engine import EmbeddedEngine
from harness.engine.ports import any_free_port

OTHERS = [f"3.{minor}" for minor in (13, 12, 11) if minor != sys.version_info.minor]


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An engine whose uv has an empty cache, as on a machine on which nothing was installed yet."""
    with monkeypatch.context() as environment:
        environment.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
        environment.setenv("HARNESS_LAMBDA_CACHE", str(tmp_path / "lambda-runtimes"))
        engine = EmbeddedEngine(tmp_path / "state", port=any_free_port(), owner_pid=os.getpid())
        started = engine.start()
    yield started
    engine.stop()


def test_missing_packages_are_named_and_then_installed(target, tmp_path):
    asked = {version: target.harness.call("GET", f"/runtimes/python{version}") for version in OTHERS}
    version = next((v for v, named in asked.items() if "is on this machine" not in named["warning"]), None)
    if version is None:
        pytest.skip(f"needs one of Python {', '.join(OTHERS)}")
    runtime, named = f"python{version}", asked[version]

    assert not named["matches"]
    missing = named["missing"]
    assert missing["python"].startswith(version)
    assert [name.partition("==")[0] for name in missing["requirements"]] == ["awslambdaric", "boto3"]
    assert Path(missing["folder"]).parent == tmp_path / "lambda-runtimes"
    assert not Path(missing["folder"]).exists()
    assert "the engine calls no package index" in named["warning"]

    found = Interpreters(target).of(runtime, "x86_64")

    if found.warning and "cannot be installed into" in found.warning:
        pytest.skip(f"needs a package index, or boto3 in uv's cache: {found.warning}")
    assert (found.version, found.warning) == (version, None)
    named = target.harness.call("GET", f"/runtimes/{runtime}")
    assert (named["matches"], named["missing"]) == (True, None)
