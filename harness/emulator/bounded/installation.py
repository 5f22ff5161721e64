"""Puts the bounds where LocalStack 4.14.0 and its libraries take the patterns of clients."""

import re
from typing import Any

import airspeed.operators
import jsonpath_ng.ext.filter
import jsonpath_ng.jsonpath
import jsonpath_rw.jsonpath
import jsonschema._keywords
import jsonschema._legacy_keywords
import jsonschema._utils
import jsonschema.validators
import referencing.exceptions
from localstack.services.apigateway.next_gen.execute_api.handlers import integration_response
from localstack.services.events import event_rule_engine
from localstack.services.s3 import cors

from harness.emulator.bounded.expressions import LimitedRe
from harness.emulator.bounded.queries import limit_json_paths, within
from harness.emulator.bounded.wildcards import expression
from harness.emulator.patches import replaced

TEMPLATE_SECONDS = 5.0
SEARCHING: tuple[Any, ...] = (
    # `pattern` and `patternProperties` of models that validate requests.
    jsonschema._keywords,
    jsonschema._legacy_keywords,
    jsonschema._utils,
    # `selectionPattern` of integration responses.
    integration_response,
    # AllowedOrigins of buckets; `=~` in the filters of state machines' paths.
    cors,
    jsonpath_ng.ext.filter,
)


def install() -> None:
    for module in SEARCHING:
        assert module.re is re, f"{module.__name__} does not search with re any more"
        replaced(
            module,
            "re",
            LimitedRe(),
            because="patterns of clients are matched without a limit, and one stops the engine",
            source="https://owasp.org/www-community/attacks/Regular_expression_Denial_of_Service_-_ReDoS",
        )
    limit_json_paths(jsonpath_ng.jsonpath.JSONPath)
    limit_json_paths(jsonpath_rw.jsonpath.JSONPath)
    # A schema's `$ref` to a file of this machine or to another one.
    replaced(
        jsonschema.validators._REMOTE_WARNING_REGISTRY,  # type: ignore[attr-defined]  # private
        "_retrieve",
        _refuse_reference,
        because="a schema may refer to files of this machine and to other machines",
        source="https://python-jsonschema.readthedocs.io/en/stable/referencing/",
    )
    # Loops in mapping templates; the integration's own limit of time does not hold for them.
    replaced(
        airspeed.operators.Block,
        "evaluate",
        within(TEMPLATE_SECONDS, "mapping template")(airspeed.operators.Block.evaluate),
        because="a loop in a mapping template runs without a limit",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html",
    )
    replaced(
        event_rule_engine.EventRuleEngine,
        "_evaluate_wildcard",
        staticmethod(matches_wildcard),
        because="a wildcard of an event pattern takes time exponential in its stars",
        source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-wildcard-matching",
    )


def _refuse_reference(uri: str) -> Any:
    raise referencing.exceptions.NoSuchResource(ref=uri)  # type: ignore[call-arg]  # attrs


def matches_wildcard(pattern: str, value: Any) -> bool:
    r"""EventBridge's wildcards: `*` is any text, nothing too, `\*` and `\\` are themselves.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-wildcard-matching
    """
    if not isinstance(value, str):
        return False
    pieces = [""]
    for part in re.findall(r"\\[*\\]|.", pattern, re.DOTALL):
        if part == "*":
            pieces.append("")
        else:
            pieces[-1] += re.escape(part[-1])
    return re.fullmatch(expression(pieces), value, re.DOTALL) is not None
