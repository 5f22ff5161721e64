"""Which member of a request an exception of code behind it is about."""

import json
from urllib.parse import quote

import pytest
import yaml
from localstack.aws.spec import load_service

from harness.emulator.validation.offending_members import MemberFault, offence


def blamed(service, operation, request, code):
    """`(fault, path)` of what `code` fails on."""
    try:
        code()
    except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        found = offence(error, request, load_service(service).operation_model(operation))
        return None if found is None else (found.fault, found.path)
    raise AssertionError("the code did not fail")


def iterate(patch_operations=None):
    for each in patch_operations:
        each()


def test_key_of_a_member_left_out_is_that_member():
    request = {"RulePriorities": [{"RuleArn": "a", "Priority": 1}, {"RuleArn": "b"}]}
    found = blamed("elbv2", "SetRulePriorities", request, lambda: [r["Priority"] for r in request["RulePriorities"]])
    assert found == (MemberFault.LEFT_OUT, "rulePriorities.2.member.priority")


def test_key_that_is_a_value_names_nothing():
    request = {"Name": "there is none"}
    assert blamed("ssm", "GetParameter", request, lambda: {}["there is none"]) == (MemberFault.NAMES_NOTHING, "name")


@pytest.mark.parametrize("value", ["", "a b", "ünï☃"])
def test_key_as_it_was_in_a_path_names_nothing(value):
    found = blamed("apigateway", "DeleteUsagePlan", {"usagePlanId": value}, lambda: {}[quote(value)])
    assert found == (MemberFault.NAMES_NOTHING, "usagePlanId")


def test_variable_of_a_member_left_out_is_that_member():
    assert blamed("apigateway", "UpdateAccount", {}, iterate) == (MemberFault.LEFT_OUT, "patchOperations")


def test_request_read_by_a_members_name_is_that_member():
    request = {"ActionNames": ["s3:GetObject"]}
    found = blamed("iam", "SimulatePrincipalPolicy", request, lambda: list(request.get("ResourceArns")))
    assert found == (MemberFault.LEFT_OUT, "resourceArns")


def test_document_that_cannot_be_parsed_is_its_member():
    request = {"name": "api", "policy": "no policy"}
    found = blamed("apigateway", "CreateRestApi", request, lambda: json.loads(request["policy"]))
    assert found == (MemberFault.UNREADABLE, "policy")


def test_value_in_a_parsers_message_is_its_member():
    assert blamed("apigatewayv2", "GetApis", {"MaxResults": "ten"}, lambda: int("ten")) == (
        MemberFault.UNREADABLE,
        "maxResults",
    )


@pytest.mark.parametrize("content", ["0", "[]", '"a"', "null", "plain text"])
def test_document_that_is_no_object_is_its_member(content):
    request = {"Name": "0", "Content": content}
    found = blamed("ssm", "CreateDocument", request, lambda: yaml.safe_load(content).get("schemaVersion"))
    assert found == (MemberFault.UNREADABLE, "content")


@pytest.mark.parametrize(
    "code",
    [
        lambda: {}["something of the engine's own"],
        lambda: {}[1],
        lambda: int("3 of the engine's own"),
        lambda: iterate(3),
        lambda: (lambda groups: groups.items())(None),
        lambda: 1 / 0,
    ],
)
def test_defect_of_the_engine_is_no_members(code):
    assert blamed("apigateway", "UpdateAccount", {"patchOperations": [{"op": "add", "path": "/a"}]}, code) is None
