"""How a run handles capabilities that its target does not support; the target is a stand-in without a test API."""

from textwrap import dedent

import pytest

pytestmark = pytest.mark.subprocess

pytest_plugins = ["pytester"]

TARGET = """
    import pytest
    from harness.engine import Target

    @pytest.fixture(scope="session")
    def engine():
        return Target("endpoint", "http://127.0.0.1:9", capabilities=frozenset({"callbacks"}))
"""


@pytest.fixture
def run(pytester: pytest.Pytester):
    """`run(source)`: the result of a pytest run of this module."""
    pytester.makepyprojecttoml("[tool.harness]\n[tool.pytest.ini_options]\n")
    pytester.makeconftest(dedent(TARGET))

    def of(source: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(dedent(source))
        return pytester.runpytest_subprocess("-p", "no:randomly", "-rs", *arguments)

    return of


NEEDS = """
    import pytest

    def test_by_fixture(outbox): raise AssertionError
    def test_in_the_middle(engine): engine.harness.reset()
    def test_faults(faults): raise AssertionError
    def test_fire(fire): raise AssertionError

    @pytest.mark.requires("rest-api-authorizers")
    def test_by_marker(): raise AssertionError

    @pytest.mark.requires("callbacks")
    def test_that_has_what_it_needs(callback): pass
"""


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_unsupported_tests_are_skipped_with_reason_and_counted(run, arguments):
    result = run(NEEDS, *arguments)
    result.assert_outcomes(passed=1, skipped=5)
    result.stdout.fnmatch_lines(
        [
            "*what the target lacks*",
            "faults: 1 test skipped. needs a target that lets calls fail *; the endpoint target at http://127.0.0.1:9 does not",
            "fire: 1 test skipped. *",
            "harness-api: 1 test skipped. needs the test API of our engines, /_harness; * has none",
            "outbox: 1 test skipped. *",
            "rest-api-authorizers: 1 test skipped. *",
            "SKIPPED*needs a target that shows mails and text messages that left the system *",
        ]
    )


def test_a_run_that_could_test_nothing_says_so(run):
    result = run("def test_it(outbox): pass")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["Nothing was tested: every test needs something that this target lacks."])


def test_run_without_unsupported_tests_omits_the_summary(run):
    result = run("def test_it(engine): pass")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*what the target lacks*")


def test_unknown_capability_is_an_error_and_not_a_skip(run):
    result = run('import pytest\n@pytest.mark.requires("outbocks")\ndef test_it(): pass')
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*There is no capability 'outbocks'; there are: callbacks, *"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--engine=docker", "--endpoint-url=http://127.0.0.1:9"), "An endpoint URL is for the engine 'endpoint'"),
        (("--engine=podman",), "invalid choice: 'podman'"),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(run, arguments, said):
    result = run("def test_it(): pass", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}*"])
