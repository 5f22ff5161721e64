"""The resource policy of a REST API, and its decision together with a method's authorization.

A deployment keeps the policy that the API had when it was made.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
"""

import json
from typing import Any

from localstack.services.apigateway.next_gen import provider
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import AccessDeniedError

from harness.emulator.access import evaluation, facts, principals
from harness.emulator.access.enforcement import ACCESS, Mode
from harness.emulator.access.evaluation import ResourcePolicies
from harness.emulator.access.operation import Operation
from harness.emulator.access.policy import Policy, PolicyError, listed, parse
from harness.emulator.access.principals import Principal
from harness.emulator.apigateway.lambda_authorizer import method_arn
from harness.emulator.patches import replaced

ACTION = "execute-api:Invoke"
_SHORT = "execute-api:/"


def policy_of(context: RestApiInvocationContext) -> Policy | None:
    """The policy that the deployment was made with; None for an API without one."""
    api = context.deployment.rest_api.rest_api
    document = api.get("policy")
    if not document:
        return None
    name = f"resource policy of API {context.api_id}"
    try:
        return parse(name, _expanded(str(document), context))
    except PolicyError:
        # API Gateway would not have stored it. It allows nothing.
        return Policy(name)


def _expanded(document: str, context: RestApiInvocationContext) -> str:
    """The document with the short form of resources (`execute-api:/stage/GET/path`) written out
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-examples.html)."""
    content: Any = json.loads(document)
    if isinstance(content, str):
        # Escaped once more, as GetRestApi returns it.
        content = json.loads(content)
    api = f"arn:aws:execute-api:{context.region}:{context.account_id}:{context.api_id}"
    for statement in listed(content.get("Statement")):
        for element in ("Resource", "NotResource"):
            if element in statement:
                written = [str(r) for r in listed(statement[element])]
                statement[element] = [api + r.removeprefix(_SHORT[:-1]) if r.startswith(_SHORT) else r for r in written]
    return json.dumps(content, sort_keys=True)


def decide(context: RestApiInvocationContext, principal: Principal, policy: Policy | None) -> evaluation.Decision:
    """What IAM says of `principal` and this method; of an anonymous caller the policy alone decides."""
    resource = method_arn(context)
    about = ResourcePolicies(resource, context.account_id, (policy,) if policy is not None else ())
    request = context.request
    invoke = Operation(
        service="execute-api",
        name="Invoke",
        parameters={},
        account_id=context.account_id,
        region=context.region,
        method=request.method,
        path=request.path,
        headers=request.headers,
    )
    known = facts.of_request(invoke, principal.facts, request.remote_addr)
    return evaluation.decide(principal.arn, principal.caller, principal.identity, ACTION, about, known)


def check(context: RestApiInvocationContext, principal: Principal, policy: Policy | None) -> None:
    """Refuse `principal` unless its own policies or the API's allow the method. Raises AccessDeniedError."""
    if ACCESS.mode is Mode.OFF:
        return
    decision = decide(context, principal, policy)
    ACCESS.decided(decision)
    if not decision.allowed and ACCESS.mode is Mode.ENFORCE:
        raise denied(decision)


def check_anonymous(context: RestApiInvocationContext, policy: Policy | None) -> None:
    """Refuse unless the policy allows everyone this method; an API without a policy refuses no one here."""
    if policy is not None:
        check(context, principals.anonymous(), policy)


def denied(decision: evaluation.Decision) -> AccessDeniedError:
    """API Gateway's refusal: the account is masked but for its last four digits
    (https://repost.aws/knowledge-center/api-gateway-403-error-lambda-authorizer)."""
    account = decision.resource.split(":")[4]
    masked = decision.resource.replace(f":{account}:", f":********{account[-4:]}:")
    suffix = " with an explicit deny" if decision.explicit else ""
    who = f"User: {decision.principal}"
    return AccessDeniedError(f"{who} is not authorized to perform: {ACTION} on resource: {masked}{suffix}")


def install() -> None:
    freeze = provider.freeze_rest_api

    def freeze_with_policy(account_id: str, region: str, moto_rest_api: Any, localstack_rest_api: Any) -> Any:
        deployment = freeze(account_id, region, moto_rest_api, localstack_rest_api)
        deployment.rest_api.rest_api["policy"] = moto_rest_api.policy
        return deployment

    replaced(
        provider,
        "freeze_rest_api",
        freeze_with_policy,
        because="a deployment keeps the resource policy that the API had when it was made",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies.html",
    )
