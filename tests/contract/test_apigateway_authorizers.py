"""REST API authorizers refuse as AWS refuses.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-to-api.html
"""

import io
import json
import uuid
import zipfile
from dataclasses import dataclass

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

AUTHORIZER = """
import json
def handler(event, context):
    token = event.get("authorizationToken") or event["headers"].get("X-Who") or ""
    if token == "crash": raise RuntimeError("no")
    if token == "nobody": raise Exception("Unauthorized")
    effect = "Deny" if token == "deny" else "Allow"
    resource = event["methodArn"] if token != "elsewhere" else event["methodArn"].replace("/GET/", "/PUT/")
    values = {"list": [1]} if token == "list" else {"n": 1, "yes": True, "event": json.dumps(event),
        "run": context.aws_request_id}
    return {"principalId": "ada", "context": values, "policyDocument": {"Version": "2012-10-17", "Statement": [
        {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}]}}
"""
INTEGRATION = """
import json
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event["requestContext"])}
"""
ROLE = "arn:aws:iam::000000000000:role/any"


@dataclass
class Api:
    url: str
    api_id: str

    def get(self, path="/a", **headers):
        return httpx.get(self.url + path, headers=headers, timeout=30)


@pytest.fixture
def function(aws):
    made = []

    def make(code):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as package:
            package.writestr("app.py", code)
        name = f"f-{uuid.uuid4().hex[:10]}"
        arn = aws("lambda").create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler="app.handler",
            Role=ROLE,
            Code={"ZipFile": archive.getvalue()},
        )["FunctionArn"]
        made.append(name)
        aws("lambda").get_waiter("function_active_v2").wait(FunctionName=name)
        return arn

    yield make
    for name in made:
        aws("lambda").delete_function(FunctionName=name)


def permit(aws, arn):
    aws("lambda").add_permission(
        FunctionName=arn, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )


@pytest.fixture
def api(aws, engine, function):
    """An API with GET /a and /b behind the authorizer given."""
    made = []

    def make(kind, method=None, responses=(), permitted=True, **authorizer):
        gateway = aws("apigateway")
        api_id = gateway.create_rest_api(name=f"a-{uuid.uuid4().hex[:8]}")["id"]
        made.append(api_id)
        options = {"authorizationType": kind, **(method or {})}
        if authorizer:
            if "authorizerUri" in authorizer and permitted:
                permit(aws, authorizer["authorizerUri"])
            if "authorizerUri" in authorizer:
                authorizer["authorizerUri"] = uri(authorizer["authorizerUri"])
            options["authorizerId"] = gateway.create_authorizer(restApiId=api_id, name="who", **authorizer)["id"]
        back = function(INTEGRATION)
        permit(aws, back)
        root = gateway.get_resources(restApiId=api_id)["items"][0]["id"]
        for part in ("a", "b"):
            resource = gateway.create_resource(restApiId=api_id, parentId=root, pathPart=part)["id"]
            gateway.put_method(restApiId=api_id, resourceId=resource, httpMethod="GET", **options)
            gateway.put_integration(
                restApiId=api_id,
                resourceId=resource,
                httpMethod="GET",
                type="AWS_PROXY",
                integrationHttpMethod="POST",
                uri=uri(back),
            )
        for response in responses:
            gateway.put_gateway_response(restApiId=api_id, **response)
        gateway.create_deployment(restApiId=api_id, stageName="s")
        return Api(engine.rest_api_url(api_id, "s"), api_id)

    yield make
    for api_id in made:
        aws("apigateway").delete_rest_api(restApiId=api_id)


def uri(arn):
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"


def token_authorizer(function, **options):
    source = {"identitySource": "method.request.header.Authorization"}
    return {"type": "TOKEN", "authorizerUri": function(AUTHORIZER), **source, **options}


def refusal(answer):
    return answer.status_code, answer.json(), answer.headers["x-amzn-ErrorType"]


UNAUTHORIZED = (401, {"message": "Unauthorized"}, "UnauthorizedException")
MISCONFIGURED = (500, {"message": None}, "AuthorizerConfigurationException")


def test_token_authorizer_allows_and_passes_its_context_as_text(api, function):
    answer = api("CUSTOM", **token_authorizer(function)).get(Authorization="ada")
    assert answer.status_code == 200, answer.text
    authorizer = answer.json()["authorizer"]
    assert (authorizer["principalId"], authorizer["n"], authorizer["yes"]) == ("ada", "1", "true")
    assert isinstance(authorizer["integrationLatency"], int)
    event = json.loads(authorizer["event"])
    assert set(event) == {"type", "methodArn", "authorizationToken"}
    assert event["methodArn"].endswith("/s/GET/a")


def test_a_token_authorizer_refuses(api, function):
    api = api("CUSTOM", **token_authorizer(function, authorizerResultTtlInSeconds=0))
    assert refusal(api.get()) == UNAUTHORIZED
    assert refusal(api.get(Authorization="nobody")) == UNAUTHORIZED
    denied = "User is not authorized to access this resource"
    explicit = {"Message": f"{denied} with an explicit deny"}
    assert refusal(api.get(Authorization="deny")) == (403, explicit, "AccessDeniedException")
    assert refusal(api.get(Authorization="elsewhere")) == (403, {"Message": denied}, "AccessDeniedException")
    assert refusal(api.get(Authorization="crash")) == MISCONFIGURED
    assert refusal(api.get(Authorization="list")) == MISCONFIGURED


def test_token_against_validation_expression_skips_the_function(api, function):
    api = api("CUSTOM", **token_authorizer(function, identityValidationExpression="^ada$"))
    assert refusal(api.get(Authorization="crash")) == UNAUTHORIZED
    assert api.get(Authorization="ada").status_code == 200


def test_a_cached_policy_that_names_one_method_refuses_the_next(api, function):
    api = api("CUSTOM", **token_authorizer(function))
    first, again = api.get("/a", Authorization="ada"), api.get("/a", Authorization="ada")
    assert first.json()["authorizer"]["run"] == again.json()["authorizer"]["run"]
    assert api.get("/b", Authorization="ada").status_code == 403


def test_authorizer_without_permission_is_configuration_error(api, function):
    api = api("CUSTOM", permitted=False, **token_authorizer(function))
    assert refusal(api.get(Authorization="ada")) == MISCONFIGURED


def test_a_request_authorizer_needs_all_its_identity_sources(api, function):
    sources = "method.request.header.X-Who,method.request.querystring.q"
    api = api("CUSTOM", type="REQUEST", authorizerUri=function(AUTHORIZER), identitySource=sources)
    assert refusal(api.get("/a", **{"X-Who": "crash"})) == UNAUTHORIZED
    answer = api.get("/a?q=1", **{"X-Who": "ada"})
    assert answer.status_code == 200, answer.text
    event = json.loads(answer.json()["authorizer"]["event"])
    assert (event["type"], event["queryStringParameters"], event["pathParameters"]) == ("REQUEST", {"q": "1"}, {})
    assert event["requestContext"]["resourcePath"] == event["resource"] == "/a"
    other = api.get("/a?q=2", **{"X-Who": "ada"})
    assert other.json()["authorizer"]["run"] != answer.json()["authorizer"]["run"]


def test_a_customised_gateway_response_is_what_the_caller_gets(api, function):
    custom = {
        "responseType": "UNAUTHORIZED",
        "statusCode": "418",
        "responseParameters": {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"},
        "responseTemplates": {"application/json": '{"why":$context.error.messageString}'},
    }
    answer = api("CUSTOM", responses=[custom], **token_authorizer(function)).get()
    assert (answer.status_code, answer.json()) == (418, {"why": "Unauthorized"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_gateway_responses_of_an_openapi_definition_count(aws, engine):
    """As SAM declares them
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-gateway-responses.html)."""
    gateway = aws("apigateway")

    def definition(**responses):
        mock = {"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": 200}'}}
        return json.dumps(
            {
                "openapi": "3.0.1",
                "info": {"title": "defined", "version": "1"},
                "paths": {"/a": {"get": {"x-amazon-apigateway-integration": mock}}},
                "x-amazon-apigateway-gateway-responses": responses,
            }
        )

    def refused(api_id):
        gateway.create_deployment(restApiId=api_id, stageName="s")
        return httpx.get(f"{engine.rest_api_url(api_id, 's')}/nowhere", timeout=30)

    origin = {"gatewayresponse.header.Access-Control-Allow-Origin": "'https://lumen.example'"}
    body = definition(
        DEFAULT_4XX={"responseParameters": origin},
        MISSING_AUTHENTICATION_TOKEN={"statusCode": 404, "responseTemplates": {"application/json": '{"no":"such"}'}},
    )
    api_id = gateway.import_rest_api(body=body)["id"]
    try:
        answer = refused(api_id)
        assert (answer.status_code, answer.json()) == (404, {"no": "such"})
        assert "Access-Control-Allow-Origin" not in answer.headers
        gateway.put_rest_api(
            restApiId=api_id, mode="overwrite", body=definition(DEFAULT_4XX={"responseParameters": origin})
        )
        answer = refused(api_id)
        assert (answer.status_code, answer.json()) == (403, {"message": "Missing Authentication Token"})
        assert answer.headers["Access-Control-Allow-Origin"] == "https://lumen.example"
    finally:
        gateway.delete_rest_api(restApiId=api_id)


@pytest.fixture
def signed_in(aws):
    cognito = aws("cognito-idp")
    pools = []

    def make():
        pool = cognito.create_user_pool(PoolName=f"p-{uuid.uuid4().hex[:8]}")["UserPool"]
        pools.append(pool["Id"])
        client = cognito.create_user_pool_client(
            UserPoolId=pool["Id"],
            ClientName="c",
            ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        )["UserPoolClient"]["ClientId"]
        cognito.admin_create_user(UserPoolId=pool["Id"], Username="ada", MessageAction="SUPPRESS")
        cognito.admin_set_user_password(UserPoolId=pool["Id"], Username="ada", Password="Pa55-word!", Permanent=True)
        tokens = cognito.admin_initiate_auth(
            UserPoolId=pool["Id"],
            ClientId=client,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "ada", "PASSWORD": "Pa55-word!"},
        )["AuthenticationResult"]
        return pool["Arn"], tokens

    yield make
    for pool_id in pools:
        cognito.delete_user_pool(UserPoolId=pool_id)


def cognito_authorizer(arn):
    source = {"identitySource": "method.request.header.Authorization"}
    return {"type": "COGNITO_USER_POOLS", "providerARNs": [arn], **source}


def test_cognito_authorizer_accepts_only_id_tokens_of_its_pool(api, signed_in):
    (arn, tokens), (_, foreign) = signed_in(), signed_in()
    api = api("COGNITO_USER_POOLS", **cognito_authorizer(arn))
    answer = api.get(Authorization=tokens["IdToken"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["authorizer"]["claims"]["cognito:username"] == "ada"
    assert api.get(Authorization=f"Bearer {tokens['IdToken']}").status_code == 200
    head, payload, _signature = tokens["IdToken"].split(".")
    forged = f"{head}.{payload}.{foreign['IdToken'].split('.')[2]}"
    for token in (tokens["AccessToken"], foreign["IdToken"], forged, "nonsense"):
        assert refusal(api.get(Authorization=token)) == UNAUTHORIZED
    assert refusal(api.get()) == UNAUTHORIZED


def test_method_with_scopes_accepts_access_token_with_one_scope(api, signed_in):
    arn, tokens = signed_in()
    scope = "aws.cognito.signin.user.admin"
    good = api("COGNITO_USER_POOLS", {"authorizationScopes": [scope]}, **cognito_authorizer(arn))
    assert good.get(Authorization=tokens["AccessToken"]).status_code == 200
    assert refusal(good.get(Authorization=tokens["IdToken"])) == UNAUTHORIZED
    other = api("COGNITO_USER_POOLS", {"authorizationScopes": ["albums/read"]}, **cognito_authorizer(arn))
    assert refusal(other.get(Authorization=tokens["AccessToken"])) == UNAUTHORIZED


def sign(url, key, secret, date=None):
    request = AWSRequest("GET", url)
    signer = SigV4Auth(Credentials(key, secret), "execute-api", "us-east-1")
    signer.add_auth(request)
    headers = dict(request.headers)
    if date:
        headers["X-Amz-Date"] = date
        request = AWSRequest("GET", url, headers={"X-Amz-Date": date, "host": httpx.URL(url).netloc.decode()})
        request.context["timestamp"] = date
        canonical = signer.canonical_request(request)
        signature = signer.signature(signer.string_to_sign(request, canonical), request)
        scope = f"{key}/{date[:8]}/us-east-1/execute-api/aws4_request"
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={signature}"
        )
    return headers


def test_a_method_with_aws_iam_checks_the_signature(api, engine):
    api = api("AWS_IAM")
    url = api.url + "/a?x=1&y=a%20b"

    def get(*arguments):
        return httpx.get(url, headers=sign(url, *arguments), timeout=30)

    answer = get(engine.account_id, "test")
    assert answer.status_code == 200, answer.text
    assert answer.json()["identity"]["userArn"] == f"arn:aws:iam::{engine.account_id}:root"
    missing = (403, {"message": "Missing Authentication Token"}, "MissingAuthenticationTokenException")
    assert refusal(api.get()) == missing
    status, body, kind = refusal(get(engine.account_id, "wrong"))
    assert (status, kind) == (403, "InvalidSignatureException")
    assert body["message"].startswith("The request signature we calculated does not match the signature you provided.")
    unknown = "The security token included in the request is invalid."
    assert refusal(get("AKIAUNKNOWN", "test")) == (403, {"message": unknown}, "UnrecognizedClientException")
    status, body, kind = refusal(get(engine.account_id, "test", "20200101T000000Z"))
    assert (status, kind) == (403, "InvalidSignatureException")
    assert body["message"].startswith("Signature expired: 20200101T000000Z is now earlier than ")


def test_an_iam_user_may_call_what_its_policies_allow(api, aws):
    iam, name = aws("iam"), f"u-{uuid.uuid4().hex[:8]}"
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    api = api("AWS_IAM")
    url = api.url + "/a"

    def get():
        return httpx.get(url, headers=sign(url, key["AccessKeyId"], key["SecretAccessKey"]), timeout=30)

    status, body, kind = refusal(get())
    assert (status, kind) == (403, "AccessDeniedException")
    assert body["Message"] == (
        f"User: {arn} is not authorized to perform: execute-api:Invoke on resource: "
        f"arn:aws:execute-api:us-east-1:********0000:{api.api_id}/s/GET/a"
    )
    allow = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"arn:aws:execute-api:*:*:{api.api_id}/*"}
    iam.put_user_policy(
        UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    )
    answer = get()
    assert answer.status_code == 200, answer.text
    assert answer.json()["identity"]["userArn"] == arn
