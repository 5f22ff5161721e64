"""Properties of a template as parameters of an API operation."""

import botocore.session
import pytest

pytest.importorskip("localstack", reason="the emulator's extra is not installed")

from harness.emulator.cloudformation.parameters import PropertyError, as_parameters

SHAPE = botocore.session.get_session().get_service_model("cognito-idp").operation_model("CreateUserPool").input_shape


def test_numbers_and_booleans_may_be_text():
    policy = {"PasswordPolicy": {"MinimumLength": "12", "RequireSymbols": "true"}}
    parameters = as_parameters(SHAPE, {"PoolName": 7, "Policies": policy})
    assert parameters == {
        "PoolName": "7",
        "Policies": {"PasswordPolicy": {"MinimumLength": 12, "RequireSymbols": True}},
    }


@pytest.mark.parametrize(
    ("properties", "where"),
    [
        ({"PoolNaem": "x"}, "PoolNaem"),
        ({"Policies": {"PasswordPolicy": {"Length": 8}}}, "Policies.PasswordPolicy.Length"),
        ({"Schema": [{"Name": "a", "Mutable": "perhaps"}]}, r"Schema\[0\].Mutable"),
        ({"Policies": "strict"}, "Policies"),
    ],
)
def test_property_outside_the_shape_is_named(properties, where):
    with pytest.raises(PropertyError, match=where):
        as_parameters(SHAPE, properties)
