"""What a client's pattern may cost. Each attack runs in a process that can be ended, as `re` ends at no deadline."""

import subprocess
import sys
from textwrap import dedent

import pytest

from harness.emulator.access.wildcards import compiled as iam
from harness.emulator.bounded.expressions import Expression, ExpressionError
from harness.emulator.bounded.installation import matches_wildcard
from harness.emulator.bounded.queries import JMESPath, QueryError
from harness.emulator.load_balancing.rules import _like as load_balancer

DEADLINE_SECONDS = 120


def finished(source: str) -> str:
    """The output of the code. Without a bound it would run practically forever."""
    ran = subprocess.run(
        [sys.executable, "-c", dedent(source)], capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.mark.parametrize(
    "matches", [lambda p, t: iam(p).fullmatch(t) is not None, load_balancer], ids=["IAM", "load balancer"]
)
def test_wildcards_match_what_they_did(matches):
    for pattern, text, expected in [
        ("*", "", True),
        ("*", "a\nb", True),
        ("a*", "a", True),
        ("*b", "aab", True),
        ("a*b*c", "abbbc", True),
        ("a*b*c", "acb", False),
        ("*ab*ab", "abab", True),
        ("*ab*ab", "ab", False),
        ("a?c*", "abc", True),
        ("a?c", "ac", False),
        ("**", "x", True),
        ("a.c", "abc", False),
        ("a*a", "a", False),
        ("?*?", "x", False),
        ("*.jpg", "photo.jpg.jpg", True),
    ]:
        assert matches(pattern, text) is expected, (pattern, text)


def test_event_wildcard_matches_nothing_too_and_escapes():
    assert matches_wildcard("*simple*", "simple-detail")
    assert matches_wildcard("a*c", "ac")
    assert matches_wildcard(r"a\*c", "a*c")
    assert not matches_wildcard(r"a\*c", "abc")
    assert matches_wildcard(r"a\\*", "a\\b")
    assert not matches_wildcard("*", 5)


def test_expression_that_takes_long_is_an_error_that_says_so():
    assert finished("""
        from harness.emulator.bounded.expressions import Expression, ExpressionError
        try:
            Expression(r"(a|aa)+$").search("a" * 200 + "b")
        except ExpressionError as error:
            print(error)
    """).startswith("it takes more than 0.5 s for a text of 201 characters")


def test_expression_does_not_hold_other_threads_up():
    assert (
        int(
            finished("""
        import threading, time
        from harness.emulator.bounded.expressions import Expression, ExpressionError
        ticks, over = [], threading.Event()
        def tick():
            while not over.wait(0.01):
                ticks.append(1)
        threading.Thread(target=tick, daemon=True).start()
        try:
            Expression(r"(a|aa)+$").search("a" * 200 + "b")
        except ExpressionError:
            pass
        print(len(ticks))
    """)
        )
        > 5
    )


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", "missing )"),
        ("a(?R)?b", "call themselves, (?R...)"),
        ("(a)(?1)", "call themselves"),
        ("a" * 5000, "5,000 characters"),
        ("(" * 2000 + ")" * 2000, "recursion"),
    ],
)
def test_expression_that_cannot_be_used_says_why(pattern, said):
    with pytest.raises(ExpressionError, match=said.replace("(", r"\(").replace(")", r"\)").replace("?", r"\?")):
        Expression(pattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("(?i)welcome", "WELCOME"), (r"^(?=.*\d)\w+$", "abc1"), (r"(\w)\1", "aa"), (r"\p{L}+", "Grüße"), (r"\(?R", "R")],
)
def test_expressions_of_other_dialects_are_read(pattern, text):
    assert Expression(pattern).search(text)


PREPARED = """
from harness.emulator.host import older_python
older_python.install()
from harness.emulator.bounded.installation import install
install()
wildcard, text = "*a" * 40 + "*b", "a" * 4000
"""
ATTACKS = {
    "wildcard of IAM": """
        from harness.emulator.access.wildcards import compiled
        print("matched" if compiled(wildcard).fullmatch(text) else "refused")
    """,
    "wildcard of a load balancer": """
        from harness.emulator.load_balancing.rules import _like
        print("matched" if _like(wildcard, text) else "refused")
    """,
    "wildcard of an event pattern": """
        from localstack.services.events.event_rule_engine import EventRuleEngine
        print("matched" if EventRuleEngine._evaluate_wildcard(wildcard, text) else "refused")
    """,
    "wildcard of an event pattern, explained": """
        from harness.topology.patterns.conditions import Wildcard
        print("matched" if Wildcard(wildcard).accepts(text) else "refused")
    """,
    "wildcard of a cross-origin rule": """
        from localstack.services.s3.cors import S3CorsHandler
        rule = {"AllowedMethods": ["GET"], "AllowedOrigins": [wildcard]}
        print("matched" if S3CorsHandler._match_rule(rule, "GET", {"Origin": text}) else "refused")
    """,
    "model of a request": """
        import jsonschema
        try:
            jsonschema.validate("a" * 100 + "b", {"type": "string", "pattern": "^(a|aa)+$"})
        except jsonschema.ValidationError:
            print("refused")
    """,
    "properties of a model": """
        import jsonschema
        schema = {"type": "object", "patternProperties": {"^(a|aa)+$": {}}, "additionalProperties": False}
        try:
            jsonschema.validate({"a" * 100 + "b": 1}, schema)
        except jsonschema.ValidationError:
            print("refused")
    """,
    "reference of a model to a file": """
        import jsonschema, pathlib, tempfile
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            file.write(b'{"type": "string"}')
            file.flush()
            try:
                jsonschema.validate("text", {"$ref": pathlib.Path(file.name).as_uri()})
                print("read")
            except Exception as error:
                print("refused" if "Unresolvable" in repr(error) else repr(error))
    """,
    "integration response": """
        from localstack.services.apigateway.next_gen.execute_api.handlers import integration_response
        select = integration_response.IntegrationResponseHandler.select_integration_response
        responses = {"500": {"statusCode": "500", "selectionPattern": "(a|aa)+$"}, "200": {"statusCode": "200"}}
        print("refused" if select("a" * 100 + "b", responses)["statusCode"] == "200" else "matched")
    """,
    "path of a state machine": """
        from localstack.services.stepfunctions.asl.utils.json_path import extract_json
        value = {}
        for _ in range(200):
            value = {"a": value, "b": [value]} if _ < 12 else {"a": value}
        try:
            extract_json("$..*..*..*..*..*", value)
        except ValueError as error:
            print("refused" if "JSONPath takes more" in str(error) else error)
    """,
    "filter of a path": """
        from localstack.services.stepfunctions.asl.utils.json_path import extract_json, NoSuchJsonPathError
        try:
            extract_json("$.a[?(@.b =~ '(a|aa)+$')]", {"a": [{"b": "a" * 100 + "b"}]})
        except NoSuchJsonPathError:
            print("refused")
    """,
    "expression of JSONata": """
        from harness.emulator.stepfunctions.jsonata import evaluate
        assert evaluate("$replace('a1b2', /[0-9]/, '-')") == "a-b-"
        assert evaluate("$split('a, b,c', /, */)") == ["a", "b", "c"]
        assert evaluate("$match('abAB', /a(b)/i).groups") == ["b", "B"]
        for query in ("$match(s, /(a|aa)+$/)", "$contains(s, /(a|aa)+$/)", "$replace(s, /(a|aa)+$/, 'x')"):
            try:
                print(evaluate("($s := '" + "a" * 100 + "b'; " + query.replace("(s", "($s") + ")"))
            except Exception as error:
                assert "takes more than" in str(error), repr(error)
        print("refused")
    """,
    "loop of a mapping template": """
        import airspeed
        try:
            airspeed.Template("#foreach($i in [1..1000000000])#foreach($j in [1..1000])$i#end#end").merge({})
        except Exception as error:
            print("refused" if "mapping template takes more" in str(error) else repr(error))
    """,
    "path of a rule's target": """
        from localstack.utils.json import extract_jsonpath
        value = {}
        for _ in range(60):
            value = {"a": value, "b": 1}
        try:
            extract_jsonpath(value, "$..*..*..*..*..*..*")
        except ValueError as error:
            print("refused" if "JSONPath takes more" in str(error) else error)
    """,
}


@pytest.fixture(scope="module")
def outcomes():
    """What became of each attack, by its name; all in one process, which loads LocalStack once."""
    attempts = "".join(f"print({name!r}, end=': ', flush=True)\n{dedent(source)}\n" for name, source in ATTACKS.items())
    return dict(line.split(": ", 1) for line in finished(PREPARED + attempts).splitlines())


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.subprocess
def test_pattern_of_a_client_ends(outcomes, attack):
    assert outcomes[attack] == "refused"


def test_query_that_doubles_its_lists_is_an_error():
    assert "more than 100,000 steps" in finished("""
        from harness.emulator.bounded.queries import JMESPath, QueryError
        try:
            JMESPath("[`1`,`1`]" + " | [@,@][]" * 60).search({})
        except QueryError as error:
            print(error)
    """)


def test_queries_that_are_none_say_why():
    for expression in ("a (", "[" * 5000 + "]" * 5000):
        with pytest.raises(QueryError, match="not a JMESPath expression"):
            JMESPath(expression)
    assert JMESPath("Item.name.S == 'x'").search({"Item": {"name": {"S": "x"}}}) is True
