"""Triggers as real Lambda functions: what they get, what they change, and what stops them.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html
"""

import base64
import json


def test_pre_sign_up_function_allows_or_refuses_sign_up(make_pool, make_function, permit, refused):
    function = make_function(
        """
        def handler(event, context):
            address = event["request"]["userAttributes"]["email"]
            if address.startswith("refuse-"):
                raise Exception("not here")
            event["response"]["autoConfirmUser"] = True
            event["response"]["autoVerifyEmail"] = True
            return event
        """
    )
    pool = make_pool(LambdaConfig={"PreSignUp": function})
    permit(function, pool.arn)
    with refused("UserLambdaValidationException", "PreSignUp failed with error not here."):
        pool.sign_up("refuse-me@people.example")
    email = pool.sign_up()
    assert pool.status(email) == "CONFIRMED"
    assert pool.tokens(email)


def test_a_function_without_a_permission_for_the_pool_is_not_run(make_pool, make_function, permit, refused):
    function = make_function("def handler(event, context): return event")
    pool, other = make_pool(LambdaConfig={"PreSignUp": function}), make_pool()
    message = "PreSignUp invocation failed due to error AccessDeniedException."
    with refused("UnexpectedLambdaException", message):
        pool.sign_up()
    permit(function, other.arn)
    with refused("UnexpectedLambdaException", message):
        pool.sign_up()


def test_trigger_without_result_is_refused(make_pool, make_function, permit, refused):
    function = make_function("def handler(event, context): return None")
    pool = make_pool(LambdaConfig={"PreSignUp": function})
    permit(function, pool.arn)
    with refused("InvalidLambdaResponseException", "Unrecognizable lambda output"):
        pool.sign_up()


def test_a_function_adds_claims_to_the_tokens(make_pool, make_function, permit):
    function = make_function(
        """
        def handler(event, context):
            event["response"]["claimsAndScopeOverrideDetails"] = {
                "idTokenGeneration": {"claimsToAddOrOverride": {"tenant": "acme"}},
                "accessTokenGeneration": {"scopesToAdd": ["albums/write"]},
            }
            return event
        """
    )
    config = {"PreTokenGenerationConfig": {"LambdaVersion": "V2_0", "LambdaArn": function}}
    pool = make_pool(LambdaConfig=config)
    permit(function, pool.arn)
    result = pool.tokens(pool.person())

    def payload(token):
        part = token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))

    assert payload(result["IdToken"])["tenant"] == "acme"
    assert payload(result["AccessToken"])["scope"] == "aws.cognito.signin.user.admin albums/write"
