"""Addresses in templates are AWS's, whether a template or the engine makes them.

LocalStack 4.14.0 gives its own host name for `AWS::URLSuffix`, and rewrites every value that begins like the URL of an API: a
function was given `https://<api>.execute-api.localhost:4566/...` for what it holds against a token's issuer, or asks
`@connections` at. Only an output, which is for users and their tools, leads to the engine as before.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html#cfn-pseudo-param-urlsuffix
"""

import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from localstack.services.cloudformation.engine.v2.change_set_model_preproc import ChangeSetModelPreproc
from localstack.utils.urls import localstack_host

from harness.emulator.patches import patched, replaced

_API = re.compile(r"^(https?://[^./]+\.execute-api\.)[a-z0-9-]+\.amazonaws\.com(?:\.cn)?(?:/(.*))?$", re.DOTALL)
_IN_OUTPUT: ContextVar[bool] = ContextVar("harness_cloudformation_output", default=False)


def url_suffix(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def local(value: str) -> str:
    """The URL of a REST API as the engine serves it, by its host's name; any other text as it is."""
    if (match := _API.match(value)) is None:
        return value
    here = localstack_host()
    return f"{match[1]}{here.host}:{here.port}/{match[2] or ''}"


def install() -> None:
    @patched(
        ChangeSetModelPreproc._resolve_pseudo_parameter,
        because="AWS::URLSuffix and addresses of APIs in templates are LocalStack's host name",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html#cfn-pseudo-param-urlsuffix",
    )
    def resolve(fn: Callable[..., Any], self: ChangeSetModelPreproc, pseudo_parameter_name: str) -> Any:
        if pseudo_parameter_name == "AWS::URLSuffix":
            return url_suffix(self._change_set.region_name)
        return fn(self, pseudo_parameter_name)

    @patched(
        ChangeSetModelPreproc.visit_node_output,
        because="AWS::URLSuffix and addresses of APIs in templates are LocalStack's host name",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html#cfn-pseudo-param-urlsuffix",
    )
    def output(fn: Callable[..., Any], self: ChangeSetModelPreproc, node_output: Any) -> Any:
        token = _IN_OUTPUT.set(True)
        try:
            return fn(self, node_output)
        finally:
            _IN_OUTPUT.reset(token)

    replaced(
        ChangeSetModelPreproc,
        "_perform_static_replacements",
        staticmethod(lambda value: local(value) if _IN_OUTPUT.get() else value),
        because="AWS::URLSuffix and addresses of APIs in templates are LocalStack's host name",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html#cfn-pseudo-param-urlsuffix",
    )
