"""The terminal's output. Each screen is compared as a whole, so that every change is reviewed."""

import re
from pathlib import Path

import pytest
from rich.console import Console

from harness import terminal
from harness.deploy import DeployEvent, Deployment, FrontDoor
from harness.deploy.deployment import DeployedResource, DeployedStack, deployment_of
from harness.doctor import CheckResult, Verdict
from harness.engine import Message, Target
from harness.engine.function_logs import LogEvent
from harness.flow import Beginning
from harness.terminal.flow_tree import TreeLine

terminal_codes = re.compile(r"\x1b\[[0-9;]*m")
TARGET = Target(engine="embedded", endpoint_url="http://127.0.0.1:4566", capabilities=frozenset({"outbox", "journal"}))


def _stack(name: str, **outputs: str) -> DeployedStack:
    return DeployedStack(
        name=name,
        status="created",
        outputs=outputs,
        resources={"Table": DeployedResource("Table", "AWS::DynamoDB::Table", f"{name}-table")},
        stack_name=name,
        stack_id=f"arn:{name}",
        cloudformation_status="CREATE_COMPLETE",
    )


@pytest.fixture
def deployment() -> Deployment:
    return deployment_of([_stack("platform", BusName="lumen"), _stack("users", UserPoolId="us-east-1_abc")])


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No colours, one width, a project with a Makefile, whatever runs the tests."""
    (tmp_path / "Makefile").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr(terminal, "command_name", lambda: "harness")


def _screen(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    return "\n".join(line.rstrip() for line in (captured.out + captured.err).strip("\n").splitlines())


def test_up_ends_with_the_urls_and_what_to_try_next(deployment: Deployment, capsys: pytest.CaptureFixture[str]):
    terminal.show_up(
        TARGET, deployment, [FrontDoor("users API", "http://127.0.0.1:4566/_aws/execute-api/a1/dev")], 7.25
    )
    assert (
        _screen(capsys)
        == """\
Up  2 stacks (platform, users) in 7.2 s

  Endpoint   http://127.0.0.1:4566
  users API  http://127.0.0.1:4566/_aws/execute-api/a1/dev

Try next
  make test                                        drive every flow through it
  harness outbox                                   mails and text messages that the system sent
  harness trace                                    what happened, and why
  harness logs --follow                            what the functions write
  harness outputs                                  outputs of the stacks
  aws --endpoint-url http://127.0.0.1:4566 s3 ls   any AWS tool works
  harness down                                     stop it"""
    )


def test_up_on_a_target_of_others_names_what_can_be_done_there(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
):
    account = Target(engine="aws", endpoint_url=None, account_id="123456789012", deployment="harness-7f3a9c")
    terminal.show_up(account, deployment, [], 312.0)
    assert (
        _screen(capsys)
        == """\
Up  2 stacks (platform, users) in 312.0 s

  Endpoint  AWS account 123456789012, us-east-1

Try next
  make test ENGINE=aws                             drive every flow through it
  harness logs --follow                            what the functions write
  harness outputs                                  outputs of the stacks
  harness down                                     remove it from there"""
    )


def test_a_deployment_without_a_terminal_is_a_line_per_stack(capsys: pytest.CaptureFixture[str]):
    progress = terminal.DeployProgress()
    with progress.shown():
        progress.step("Starting the engine")
        progress(DeployEvent("", "read", "reading 3 templates", 0.1))
        progress(DeployEvent("platform", "deploy", "deploying", 0.2, resource="Bus", finished=1, total=6))
        progress(DeployEvent("users", "warning", "python3.13 functions run on Python 3.11", 0.3))
        progress(DeployEvent("platform", "done", "created", 1.26))
        progress(DeployEvent("notifications", "unchanged", "unchanged", 1.3))
        progress(DeployEvent("users", "failed", "a long reason\nthat is told at the end", 4.0))
    assert (
        _screen(capsys)
        == """\
Starting the engine
  ! users: python3.13 functions run on Python 3.11
  ✓ platform             created  1.3 s
  · notifications        unchanged
  ✗ users                failed  4.0 s"""
    )


def test_status_shows_the_engine_and_each_stack(deployment: Deployment, capsys: pytest.CaptureFixture[str]):
    terminal.show_status(TARGET, deployment, [("pid", "4711"), ("memory mib", "212")])
    assert (
        _screen(capsys)
        == """\
Up  embedded engine at http://127.0.0.1:4566
  pid         4711
  memory mib  212

  Stack     Status   Resources
  platform  created  1
  users     created  1"""
    )


def test_the_outbox_shows_codes_and_one_message_whole(capsys: pytest.CaptureFixture[str]):
    mail = Message(
        sequence=3,
        channel="mail",
        source="cognito-idp",
        sender="no-reply@lumen.example",
        recipients=("ada@people.example",),
        subject="[Lumen] your code",
        text="Your code is 123456.",
        html=None,
        code="123456",
        account_id="000000000000",
        region="us-east-1",
        message_id="m-1",
        sent_at=1_700_000_000.5,
        attributes={},
    )
    terminal.show_messages([mail])
    listed = _screen(capsys)
    assert "3  " in listed
    assert "ada@people.example  [Lumen] your code  123456" in listed
    assert listed.endswith("'harness outbox N' shows message N whole.")

    terminal.show_message(mail)
    shown = _screen(capsys)
    assert shown.startswith("From     no-reply@lumen.example (by cognito-idp)\nTo       ada@people.example\nSent     ")
    assert shown.endswith("Subject  [Lumen] your code\nCode     123456\n\nYour code is 123456.")


def test_an_empty_outbox_says_so(capsys: pytest.CaptureFixture[str]):
    terminal.show_messages([])
    assert _screen(capsys) == "The outbox is empty: nothing has left the system."


def test_text_from_outside_is_never_taken_for_markup(capsys: pytest.CaptureFixture[str]):
    terminal.show_log_event(LogEvent("users/List", 0, "[red]not a colour[/red] [/]", "e"), width=10)
    assert "[red]not a colour[/red] [/]" in _screen(capsys)
    terminal.print_error("stack [bold]x[/] failed")
    assert _screen(capsys) == "Error  stack [bold]x[/] failed"


def test_doctor_says_what_is_missing_and_how_to_get_it(capsys: pytest.CaptureFixture[str]):
    terminal.show_findings(
        [
            CheckResult("Python", Verdict.OK, "3.13.0"),
            CheckResult(
                "Node.js", Verdict.OPTIONAL, "not found", "Functions with a nodejs runtime need it: nodejs.org"
            ),
            CheckResult("uv", Verdict.MISSING, "not found", "pip install uv"),
        ]
    )
    assert (
        _screen(capsys)
        == """\
✓ Python           3.13.0
– Node.js          not found
                   Functions with a nodejs runtime need it: nodejs.org
✗ uv               not found
                   pip install uv"""
    )


def _beginning(number: int, what: str, by: str, steps: int, seconds: float) -> Beginning:
    root = f"1-6b01b2d8-{number:024x}"
    return Beginning(root, f"{number:08x}", 1_700_000_000.5 + number, what, by, steps, seconds, idle=False)


def test_flow_list_shows_stimulus_and_outcome(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    signed_up = "cognito-idp SignUp, cognito-idp ConfirmSignUp, cognito-idp InitiateAuth"
    rows = [
        (
            _beginning(4, "events PutEvents platform.EventBus: UserRegistered", "Boto3", 21, 4.85),
            "lost",
            "n.WelcomeRule",
        ),
        (_beginning(3, "GET /users", "browser", 2, 0.006), "ok", "401"),
        (_beginning(2, signed_up, "aws-cli", 19, 2.34), "pending", "a message in orders that worker has not read"),
        (_beginning(1, "schedule users.Purge", "", 3, 125.0), "failed", "users.PurgeFunction"),
        (_beginning(0, "s3 PutObject [red]b[/]/key", "curl", 1, 0.0), "ok", ""),
    ]
    monkeypatch.setattr(terminal, "out", Console(force_terminal=True, no_color=True, width=100, highlight=False))
    terminal.show_flows(rows, left_out=True, forgotten=1200, address="http://127.0.0.1:4566")
    assert (
        "\n".join(line.rstrip() for line in terminal_codes.sub("", _screen(capsys)).splitlines())
        == """\
Flow      Began     By       What                            Steps       Took  Ended
00000004  22:13:24  Boto3    events PutEvents platform.Eve…     21     4.85 s  lost at n.WelcomeRule
00000003  22:13:23  browser  GET /users                          2       6 ms  settled, 401
00000002  22:13:22  aws-cli  cognito-idp SignUp, cognito-i…     19     2.34 s  in progress: a messa…
00000001  22:13:21           schedule users.Purge                3  2 min 5 s  failed: users.PurgeF…
00000000  22:13:20  curl     s3 PutObject [red]b[/]/key          1       0 ms  settled

'harness trace FLOW' shows one, 'harness trace last' the newest.
Flows that only read or set up resources are hidden; --all lists them.
The oldest 1200 records were dropped; flows that they belong to are not listed."""
    )


def test_in_a_file_a_list_of_flows_is_as_wide_as_what_began_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    many = ", ".join(f"s3 PutObject bucket-{number}" for number in range(100))
    monkeypatch.setattr(terminal, "out", Console(no_color=True, width=1000, highlight=False, soft_wrap=True))
    rows = [(_beginning(1, many, "Boto3", 100, 1), "ok", "x" * 40), (_beginning(0, "GET /", "curl", 1, 0), "ok", "")]
    terminal.show_flows(rows, left_out=False, forgotten=0, address="http://127.0.0.1:4566")
    _, first, second, *_ = _screen(capsys).splitlines()
    assert first.startswith("00000001  ")
    assert many in first
    assert first.endswith("x" * 40)
    assert second.startswith("00000000  ")


def test_empty_flow_list_says_that_nothing_was_called(capsys: pytest.CaptureFixture[str]):
    terminal.show_flows([], left_out=True, forgotten=0, address="http://127.0.0.1:4566")
    assert (
        _screen(capsys)
        == """\
No flow yet at http://127.0.0.1:4566: nothing that is deployed there was called.
Flows that only read or set up resources are hidden; --all lists them."""
    )


LINES = [TreeLine((("▶ ", "here"), ("├─ ", "aside"), ("[bold]rule[/] ", ""), ("✗ no", "bad"))), TreeLine(())]


def test_flow_without_a_terminal_is_shown_without_colours(capsys: pytest.CaptureFixture[str]):
    terminal.show_lines([*LINES, *LINES[:1]])
    assert _screen(capsys) == "▶ ├─ [bold]rule[/] ✗ no\n\n▶ ├─ [bold]rule[/] ✗ no"


def test_flow_has_colours_if_requested():
    told = terminal.in_colours(LINES)
    assert told == "\x1b[1;31m▶ \x1b[0m\x1b[2m├─ \x1b[0m[bold]rule[/] \x1b[31m✗ no\x1b[0m"
