"""`harness up --iam`: the IAM mode of an engine of the harness, at its start and while it runs."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.engine import EmbeddedEngine

HARNESS = Path(sys.executable).parent / "harness"
TEMPLATE = "Resources:\n  Jobs: {Type: AWS::SQS::Queue}\n"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "jobs"
    folder.mkdir()
    (folder / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "pyproject.toml").write_text('[tool.harness]\ntemplates = ["jobs/template.yaml"]\niam = "report"\n')
    yield tmp_path
    EmbeddedEngine(tmp_path / ".harness").stop()


def _harness(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HARNESS, *arguments],
        cwd=project,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _mode(project: Path) -> str:
    status = json.loads(_harness(project, "status", "--json").stdout)
    assert ("iam" in status["capabilities"]) is (status["iam"] == "enforce")
    return str(status["iam"])


def test_iam_mode_is_from_option_then_environment_then_settings(project: Path):
    assert _harness(project, "up", HARNESS_IAM="off").returncode == 0
    assert _mode(project) == "off"
    assert "iam      off: no call is decided" in _harness(project, "status").stdout
    # It is up already, and is what the settings say.
    _harness(project, "up")
    assert _mode(project) == "report"
    assert "report: calls that are denied are let through" in _harness(project, "status").stdout
    _harness(project, "up", "--iam=enforce", HARNESS_IAM="off")
    assert _mode(project) == "enforce"
    assert not re.search(r"^\s*iam\b", _harness(project, "status").stdout, re.MULTILINE)


def test_invalid_iam_mode_is_refused_before_the_engine_starts(project: Path):
    assert _harness(project, "up", "--iam=maybe").returncode == 2
    refused = _harness(project, "up", HARNESS_IAM="maybe")
    assert refused.returncode == 1
    assert "The environment has HARNESS_IAM=maybe; it may be enforce, report, off." in refused.stderr
    (project / "pyproject.toml").write_text('[tool.harness]\niam = "maybe"\n')
    assert "iam: Input should be 'enforce', 'report' or 'off', got 'maybe'" in _harness(project, "up").stderr
    assert not (project / ".harness").exists()


@pytest.mark.parametrize("chosen", [("--engine=aws",), ("--endpoint-url=http://127.0.0.1:9",)])
def test_iam_option_is_refused_for_foreign_targets(project: Path, chosen: tuple[str, ...]):
    refused = _harness(project, "up", "--iam=report", *chosen)
    assert refused.returncode == 1
    assert "--iam is for engines of our own (embedded, docker)" in refused.stderr
