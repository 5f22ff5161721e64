"""Who names whom in a template, and which values are known without deploying."""

import pytest

from harness.topology import NotStaticError, Scope, evaluate, references


def test_every_way_to_name_something_is_found_with_its_place():
    body = {
        "Resources": {
            "R": {
                "Type": "T",
                "Condition": "Wanted",
                "DependsOn": ["Other"],
                "Properties": {
                    "A": {"Ref": "P"},
                    "B": {"Fn::GetAtt": ["Q", "Arn"]},
                    "C": {"Fn::Sub": ["${Own}-${Table}-${Fn.Arn}-${!Literal}", {"Own": {"Ref": "Inner"}}]},
                    "D": {"Fn::If": ["Big", 1, {"Ref": "AWS::NoValue"}]},
                    "E": {"Fn::ImportValue": {"Fn::Sub": "${Stack}-x"}},
                    "F": {"Fn::FindInMap": ["Sizes", "a", "b"]},
                    "Policy": {"Condition": {"StringEquals": {"a": "b"}}},
                },
            }
        }
    }
    found = {(reference.kind, reference.name) for reference in references(body)}
    assert found == {
        ("Condition", "Wanted"), ("DependsOn", "Other"), ("Ref", "P"), ("GetAtt", "Q"), ("Ref", "Table"),
        ("GetAtt", "Fn"), ("Ref", "Inner"), ("Condition", "Big"), ("Ref", "AWS::NoValue"), ("ImportValue", ""),
        ("Ref", "Stack"), ("FindInMap", "Sizes"),
    }  # fmt: skip
    places = {reference.name: reference.location for reference in references(body)}
    assert places["P"] == ("Resources", "R", "Properties", "A", "Ref")
    assert places["Other"] == ("Resources", "R", "DependsOn", 0)


SCOPE = Scope(
    {
        "Parameters": {"Stage": {"Type": "String"}, "Secret": {"Type": "AWS::SSM::Parameter::Value<String>"}},
        "Conditions": {"IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
        "Mappings": {"Names": {"dev": {"bus": "small"}}},
    },
    {"Stage": "dev", "Secret": "/name", "AWS::Region": "eu-west-1"},
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Fn::Sub": "${Stage}-${AWS::Region}-${!Kept}"}, "dev-eu-west-1-${Kept}"),
        ({"Fn::Sub": ["${a}.${Stage}", {"a": {"Ref": "AWS::Region"}}]}, "eu-west-1.dev"),
        ({"Fn::Join": ["-", ["x", {"Ref": "Stage"}]]}, "x-dev"),
        ({"Fn::If": ["IsProd", "big", {"Fn::FindInMap": ["Names", {"Ref": "Stage"}, "bus"]}]}, "small"),
        ({"Fn::Select": [1, {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::Not": [{"Condition": "IsProd"}]}, True),
    ],
)
def test_functions_of_parameters_and_mappings_are_carried_out(value, expected):
    assert evaluate(value, SCOPE) == expected


@pytest.mark.parametrize(
    "value",
    [{"Ref": "Table"}, {"Ref": "Secret"}, {"Fn::GetAtt": ["A", "B"]}, {"Fn::Sub": "${A.B}"}, {"Fn::Select": [7, []]}],
)
def test_value_known_only_after_deployment_is_not_static(value):
    with pytest.raises(NotStaticError):
        evaluate(value, SCOPE)
