"""The integration with API Gateway, where LocalStack 4.14.0 cannot read what AWS documents.

`ApiEndpoint` is a host name without a scheme. `AuthType: IAM_ROLE` signs the request with the role of the state machine. Every
2xx status succeeds.
https://docs.aws.amazon.com/step-functions/latest/dg/connect-api-gateway.html
"""

import re
from typing import Any

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from localstack import config

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import replaced

SERVICE = "stepfunctions"
_HOST = re.compile(r"(?:https?://)?(?P<id>[A-Za-z0-9]+)\.execute-api\.[^/]+/?")
_SIGNED = frozenset({"IAM_ROLE", "RESOURCE_POLICY"})


def address_of(api_endpoint: str) -> str:
    """Where this engine serves the API that AWS's host name is of."""
    found = _HOST.fullmatch(api_endpoint)
    return f"{config.internal_service_url()}/restapis/{found['id']}" if found else api_endpoint


def _readable(response: requests.Response) -> requests.Response:
    """With a body that is not JSON as text: LocalStack expects another exception than requests raises here."""
    try:
        response.json()
    except ValueError:
        text = response.text
        response.json = lambda **_options: text  # type: ignore[method-assign]
    response.headers.setdefault("Content-Length", str(len(response.content)))
    return response


def install() -> None:
    when_loaded(SERVICE, _patch)


def _patch() -> None:
    from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_api_gateway import (  # noqa: E501
        SfnGatewayException,
        StateTaskServiceApiGateway,
    )
    from localstack.services.stepfunctions.asl.utils.boto_client import boto_client_for

    replaced(
        StateTaskServiceApiGateway,
        "_path_based_url_of",
        staticmethod(address_of),
        because="ApiEndpoint and AuthType IAM_ROLE are not read as AWS documents them",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/connect-api-gateway.html",
    )

    def call(
        self: Any, env: Any, resource_runtime_part: Any, normalised_parameters: dict[str, Any], state_credentials: Any
    ) -> None:
        method = str(normalised_parameters["Method"]).upper()
        body = normalised_parameters.get("RequestBody")
        if body is not None and method not in ("PATCH", "POST", "PUT"):
            raise ValueError(f"RequestBody is not supported for the method {method}")
        url = self._invoke_url_of(normalised_parameters)
        request = requests.Request(method, url, headers=self._headers_of(normalised_parameters), json=body).prepare()
        if normalised_parameters.get("AuthType") in _SIGNED:
            region = resource_runtime_part.region
            client = boto_client_for(service="sts", region=region, state_credentials=state_credentials)
            signed = AWSRequest(method, request.url, data=request.body)
            SigV4Auth(client._request_signer._credentials, "execute-api", region).add_auth(signed)
            request.headers.update(dict(signed.headers))
        with requests.Session() as session:
            session.trust_env = False
            response = session.send(request)
        if not 200 <= response.status_code < 300:
            raise SfnGatewayException(parameters=normalised_parameters, response=response)
        env.stack.append(self._invoke_output_of(_readable(response)))

    replaced(
        StateTaskServiceApiGateway,
        "_eval_service_task",
        call,
        because="ApiEndpoint and AuthType IAM_ROLE are not read as AWS documents them",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/connect-api-gateway.html",
    )
