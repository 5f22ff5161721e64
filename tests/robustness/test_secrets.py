"""Secrets of forty kinds, planted in an application, are in no file and no output afterwards.

The application (planted/template.yaml) and its tests (planted/plants.py), all of which fail, run in a separate project.
Then every file below its .harness, the journal and the output of each command are searched for each canary: as it is,
URL-encoded, in base64 at each of its three alignments.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

import httpx
import pytest

from harness.engine import EmbeddedEngine, Target
from harness.flow import RecordedFlows
from harness.report import exports
from harness.terminal import flow_report

BIN = Path(sys.executable).parent
PLANTED = Path(__file__).parent / "planted"
FORMATS = ("text", "json", "html", "otlp")
JWT_LIKE = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+")


def _hex(length: int) -> str:
    return (uuid.uuid4().hex * 4)[:length]


def _jwt() -> str:
    parts = (b'{"alg":"RS256","kid":"planted"}', json.dumps({"sub": _hex(32)}).encode(), _hex(64).encode())
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _canaries() -> dict[str, str]:
    """Of each kind one that there is nowhere else."""
    named = """opaque bearer, basic, cookie, api key, set-cookie, field, nested, form, query, url in url, xml, multipart, escaped,
    secret string, secret binary, parameter, environment, socket query, socket frame, event, message, message attribute,
    notification, notification attribute, record, item, metadata, execution, log, printed, mail, plaintext, argument,
    sign-up password, new password, temporary password"""
    canaries = {name.strip(): f"Cn-{_hex(20)}-9" for name in named.split(",")}
    address = f"postgres://app:Cn-{_hex(20)}@db.example/app"
    return canaries | {
        "bearer": _jwt(),
        "error": _jwt(),
        "raised": f"raised.{_hex(30)}",
        "sigv4": _hex(64),
        "security token": "IQoJb3JpZ2luX2Vj" + _hex(120),
        "github": "gh" + "p_" + _hex(36),
        "stripe": "sk_" + "live_" + _hex(24),
        "slack": "xox" + f"b-{_hex(12)}-{_hex(24)}",
        "url user": address,
        "pem": "-----BEGIN PRIVATE" + f" KEY-----\n{_hex(60)}\n-----END PRIVATE KEY-----",
    }


def _secret_part(kind: str, canary: str) -> str:
    """What of a canary must stay hidden: of an address its password, of a key its content, of a JWT its signature."""
    match kind:
        case "url user":
            return canary.split(":")[2].partition("@")[0]
        case "pem":
            return canary.split("\n")[1]
        case "bearer" | "error" | "IdToken" | "AccessToken":
            return canary.rpartition(".")[2]
    return canary


def _forms(canary: str) -> set[bytes]:
    """How a canary may be written."""
    data = canary.encode()
    forms = {data, quote(canary, safe="").encode(), quote_plus(canary).encode(), json.dumps(canary)[1:-1].encode()}
    for shift in range(3):
        # The characters at both ends depend on the neighbouring bytes.
        encoded = base64.b64encode(b"\0" * shift + data)
        forms |= {
            encoded[4 if shift else 0 : -4],
            encoded[4 if shift else 0 : -4].translate(bytes.maketrans(b"+/", b"-_")),
        }
    return forms


@dataclass
class World:
    """The files after the run."""

    project: Path
    canaries: dict[str, str]
    outputs: dict[str, str]

    def found(self, content: bytes) -> set[str]:
        return {
            kind
            for kind, canary in self.canaries.items()
            if any(form in content for form in _forms(_secret_part(kind, canary)))
            and (kind != "code" or re.search(rb"(?<![\w.-])" + canary.encode() + rb"(?![\w-])", content))
        }


def _run(project: Path, *command: str | Path) -> str:
    # Without CI: there pytest shows other parts of what it compares. test_secrets_in_failures.py has all its ways.
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "HARNESS_", "CI", "BUILD_NUMBER"))
    }
    ran = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=project, env=environment | {"COLUMNS": "200"}, capture_output=True, text=True, check=False, timeout=540,
    )  # fmt: skip
    return ran.stdout + ran.stderr


def _every_flow(target: Target) -> dict[str, str]:
    """What `harness trace` writes of each flow in each format, without a process for each."""
    recorded = RecordedFlows(target)
    recorded.open()
    try:
        flows = [recorded.flow(beginning.root) for beginning in recorded.beginnings()]
        assert len(flows) >= 20
        told = {f"{flow.root} as text": "\n".join(map(str, flow_report.report(flow, limit=None))) for flow in flows}
        exported = {
            f"{flow.root} as {form}": exports.export(flow, form, command="", versions={})
            for flow in flows
            for form in exports.FORMATS
        }
        return told | exported
    finally:
        recorded.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    project, canaries = tmp_path_factory.mktemp("planted"), _canaries()
    for name in ("template.yaml", "plants.py"):
        shutil.copy(PLANTED / name, project)
    (project / "canaries.json").write_text(json.dumps(canaries))
    (project / "pyproject.toml").write_text(
        '[tool.harness]\ntemplates = ["template.yaml"]\n[tool.pytest.ini_options]\n'
        f'[tool.harness.parameters.{project.name}]\nTheirApiKey = "{canaries["environment"]}"\n'
    )
    try:
        outputs = {"up": _run(project, "harness", "up")}
        outputs["pytest"] = _run(
            project, "pytest", "plants.py", "-p", "no:randomly", "-p", "no:cacheprovider", "--showlocals", "-rA"
        )
        for line in (project / "made.json").read_text().splitlines():
            kind, secret = json.loads(line)
            canaries[kind] = secret
        for form in FORMATS:
            outputs[f"trace as {form}"] = _run(project, "harness", "trace", "last", f"--format={form}")
        outputs["flows"] = _run(project, "harness", "trace", "--all")
        outputs["log"] = _run(project, "harness", "logs", "--engine", "-n", "20000")
        outputs["function logs"] = _run(project, "harness", "logs", "-n", "20000")
        outputs["status"] = _run(project, "harness", "status")
        outputs["shown by trace"] = _run(project, "harness", "trace", "last", "--show-secrets")
        outputs["shown by pytest"] = _run(
            project, "pytest", "plants.py", "--show-secrets", "-k", "test_event", "--traces=off"
        )
        target = EmbeddedEngine(project / ".harness").find()
        assert target is not None
        outputs |= _every_flow(target)
        yield World(project, canaries, outputs)
    finally:
        _run(project, "harness", "down")


def test_every_kind_was_planted_and_every_test_failed(world: World):
    assert len(world.canaries) >= 40
    assert " passed" not in world.outputs["pytest"].splitlines()[-1], world.outputs["pytest"][-3000:]
    assert "harness could not" not in world.outputs["pytest"]
    assert {"code", "IdToken", "AccessToken", "RefreshToken", "presigned", "session token"} <= world.canaries.keys()
    assert len(list((world.project / ".harness" / "traces").glob("*.html"))) >= 20


def test_no_file_holds_a_canary(world: World):
    files = [file for file in (world.project / ".harness").rglob("*") if file.is_file()]
    assert any(file.name == "engine.log" for file in files)
    found = {str(file.relative_to(world.project)): kinds for file in files if (kinds := world.found(file.read_bytes()))}
    assert found == {}


def test_no_record_of_the_journal_holds_a_canary(world: World):
    lines = _journal(world)
    assert len(lines) > 200
    found = {json.loads(line).get("name"): kinds for line in lines if (kinds := world.found(line))}
    assert found == {}


def test_no_output_holds_a_canary(world: World):
    found = {name: kinds for name, text in world.outputs.items() if (kinds := world.found(text.encode()))}
    assert found == {}


def test_pages_hold_marks_and_nothing_like_a_jwt(world: World):
    pages = {file.name: file.read_text() for file in (world.project / ".harness" / "traces").glob("*.html")}
    assert [name for name, page in pages.items() if JWT_LIKE.search(page)] == []
    assert sum("secret:" in page for page in pages.values()) >= 20


@pytest.mark.parametrize("command", ["trace", "pytest"])
def test_secrets_that_are_not_kept_are_asked_for_in_vain(world: World, command: str):
    told = world.outputs[f"shown by {command}"]
    assert "cuts secrets before it records them and keeps none" in re.sub(r"\s+", " ", told)
    assert "harness up --show-secrets" in re.sub(r"\s+", " ", told)


def test_functions_and_services_had_what_was_sent(world: World):
    """What is cut is a copy: CloudWatch has what the function wrote."""
    target = EmbeddedEngine(world.project / ".harness").find()
    assert target is not None
    logs = target.client("logs")
    written = "".join(
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        for event in logs.filter_log_events(logGroupName=group["logGroupName"], limit=10_000)["events"]
    )
    assert f"password={world.canaries['log']}" in written
    assert "<secret:" not in written


def _journal(world: World) -> list[bytes]:
    target = EmbeddedEngine(world.project / ".harness").find()
    assert target is not None
    url = f"{target.endpoint_url}/_harness/journal"
    return httpx.get(url, headers=target.harness_headers, trust_env=False, timeout=60).content.splitlines()
