"""Lets functions reach `@connections` by the address that AWS has, without a change of their code.

A function makes the address itself (`https://{domainName}/{stage}`), and an address that is given goes before `AWS_ENDPOINT_URL`.
So botocore's own rules, by which it makes a URL of an address, are replaced for that service: AWS's names are turned into the
engine's address, in clear text, whatever certificates there are. botocore reads them from `AWS_DATA_PATH` before its own
(https://docs.aws.amazon.com/boto3/latest/guide/loaders.html). SDKs of other languages have no such place.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

VARIABLE = "AWS_DATA_PATH"
SERVICE = Path("apigatewaymanagementapi", "2018-11-29")
SUFFIXES = ("amazonaws.com", "amazonaws.com.cn")


def rules(engine: str) -> dict[str, Any]:
    """The rules in the language of the SDKs (https://smithy.io/2.0/additional-specs/rules-engine/specification.html);
    `engine` is the address of the engine."""
    given: list[dict[str, Any]] = [
        {"fn": "isSet", "argv": [{"ref": "Endpoint"}]},
        {"fn": "parseURL", "argv": [{"ref": "Endpoint"}], "assign": "url"},
    ]
    return {
        "version": "1.0",
        "parameters": {
            "Region": {"builtIn": "AWS::Region", "required": False, "documentation": "", "type": "string"},
            "UseDualStack": _switch("AWS::UseDualStack"),
            "UseFIPS": _switch("AWS::UseFIPS"),
            "Endpoint": {"builtIn": "SDK::Endpoint", "required": False, "documentation": "", "type": "string"},
        },
        "rules": [
            *(_local([*given, *_ends_with(suffix)], engine) for suffix in SUFFIXES),
            _endpoint([given[0]], {"ref": "Endpoint"}),
            {"conditions": [], "error": "Invalid Configuration: @connections needs an endpoint_url", "type": "error"},
        ],
    }


def _switch(name: str) -> dict[str, Any]:
    return {"builtIn": name, "required": True, "default": False, "documentation": "", "type": "boolean"}


def _ends_with(suffix: str) -> list[dict[str, Any]]:
    authority = {"fn": "getAttr", "argv": [{"ref": "url"}, "authority"]}
    end = {"fn": "substring", "argv": [authority, 0, len(suffix), True], "assign": "suffix"}
    return [end, {"fn": "stringEquals", "argv": [{"ref": "suffix"}, suffix]}]


def _local(conditions: list[dict[str, Any]], engine: str) -> dict[str, Any]:
    return _endpoint(conditions, f"{engine.rstrip('/')}/_aws/ws/{{url#authority}}{{url#path}}")


def _endpoint(conditions: list[dict[str, Any]], url: Any) -> dict[str, Any]:
    return {"conditions": conditions, "endpoint": {"url": url, "properties": {}, "headers": {}}, "type": "endpoint"}


@cache
def directory(engine: str) -> str:
    """The folder that botocore reads; written once for each address of an engine, and deleted with its process."""
    root = Path(_temporary().name, engine.rpartition(":")[2])
    file = root / SERVICE / "endpoint-rule-set-1.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(rules(engine)))
    return str(root)


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="harness-sdk-data-")


def with_sdk_data(variables: Mapping[str, str]) -> dict[str, str]:
    """A function's environment variables with the folder before those that it names itself."""
    engine = variables.get("AWS_ENDPOINT_URL")
    if not engine:
        return dict(variables)
    paths = [directory(engine), *filter(None, [variables.get(VARIABLE)])]
    return {**variables, VARIABLE: os.pathsep.join(paths)}
