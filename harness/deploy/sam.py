"""Transforms SAM templates into CloudFormation on this machine, with AWS's translator.

The target never gets SAM: not every target supports it, and AWS's transform has the same result.
"""

import copy
import logging
from collections.abc import Mapping
from typing import Any

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.utils.py27hash_fix import to_py27_compatible_template, undo_mark_unicode_str_in_template

from harness.errors import TemplateProblem
from harness.topology import Template

TRANSFORM = "AWS::Serverless-2016-10-31"

# It warns about every feature that AWS has not enabled for it; without logging set up, that reaches the terminal.
logging.getLogger("samtranslator").addHandler(logging.NullHandler())


class TransformError(Exception):
    """The translator refuses the template; `problems` lists the reasons."""

    def __init__(self, problems: list[TemplateProblem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


def transform(
    body: dict[str, Any],
    template: Template,
    parameters: Mapping[str, str],
    session: boto3.Session,
    *,
    asks_aws: bool,
) -> dict[str, Any]:
    """Transform `body`, the template with addresses instead of local paths, into a CloudFormation template.

    `asks_aws` says whether `session` may query AWS for published applications. Raises TransformError.
    """
    body = copy.deepcopy(body)
    others = [name for name in _listed(body.get("Transform")) if name != TRANSFORM]
    loops = [key for key in body["Resources"] if key.startswith("Fn::ForEach::")]
    if loops:
        line = template.line("Resources", loops[0])
        hint = "Write these resources out, or move them to a template without SAM's Transform."
        raise TransformError(
            [TemplateProblem(template.path, line, None, f"{loops[0]} is not supported together with SAM.", hint)]
        )
    if not asks_aws and (published := _published_applications(body, template)):
        raise TransformError(published)
    values: dict[str, Any] = dict(parameters)
    # The translator derives logical ids (of API deployments) from hashes of strings in the form of Python 2.7.
    to_py27_compatible_template(body, values)
    translator = Translator(None, Parser(), boto_session=session)
    try:
        result = translator.translate(body, values, get_managed_policy_map=dict)
    except InvalidDocumentException as error:
        raise TransformError(
            [_problem(cause, template) for cause in error.causes] or [_problem(error, template)]
        ) from error
    finally:
        translator.metrics.publish()  # sent nowhere; unpublished metrics would cause a warning on standard error
    transformed: dict[str, Any] = undo_mark_unicode_str_in_template(result)
    if others:
        transformed["Transform"] = others
    return transformed


def _published_applications(body: dict[str, Any], template: Template) -> list[TemplateProblem]:
    """Applications of AWS's Serverless Application Repository, which only AWS can deploy."""
    return [
        TemplateProblem(
            template.path,
            template.line("Resources", logical_id, "Properties", "Location"),
            logical_id,
            f"the application {location['ApplicationId']} is in AWS's Serverless Application Repository, and nothing is "
            "fetched from there.",
            "Save its template next to this one, with its code, and name that file as Location.",
        )
        for logical_id, resource in body["Resources"].items()
        if isinstance(resource, dict) and resource.get("Type") == "AWS::Serverless::Application"
        if isinstance(location := (resource.get("Properties") or {}).get("Location"), dict)
        and "ApplicationId" in location
    ]


def _listed(declared: Any) -> list[Any]:
    return declared if isinstance(declared, list) else [] if declared is None else [declared]


def _problem(cause: Exception, template: Template) -> TemplateProblem:
    logical_id = getattr(cause, "_logical_id", None)
    location = ("Resources", logical_id) if isinstance(logical_id, str) else ("Transform",)
    message = str(getattr(cause, "message", cause))
    return TemplateProblem(template.path, template.line(*location), logical_id, f"SAM: {message}")
