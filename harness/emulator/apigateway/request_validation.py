"""Request validators where LocalStack 4.14.0 differs from AWS.

It takes blank parameters, and validates a body of any type by the model for JSON.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

from typing import Any

from localstack.services.apigateway.next_gen.execute_api.handlers.method_request import MethodRequestHandler

from harness.emulator.patches import replaced

JSON = "application/json"


def model_for(content_type: str | None, models: dict[str, str]) -> str | None:
    """The name of the model that validates a body of this type; None when none does."""
    bare = (content_type or JSON).split(";")[0].strip().lower() or JSON
    return models.get(bare) or models.get("$default")


def blank_parameters(required: dict[str, bool], request: Any) -> list[str]:
    """The names of the required parameters that are not there or blank, in the order of their kinds and names."""
    kinds = {
        "header": request["headers"],
        "path": request.get("path_parameters") or {},
        "querystring": request.get("query_string_parameters") or {},
    }
    missing = []
    for parameter, needed in sorted(required.items()):
        kind, _, name = parameter.removeprefix("method.request.").partition(".")
        if needed and kind in kinds and not (kinds[kind].get(name) or "").strip():
            missing.append(name)
    return missing


def install() -> None:
    original = MethodRequestHandler._is_body_valid

    def is_body_valid(method: Any, rest_api: Any, request: Any) -> bool:
        models = method.get("requestModels") or {}
        model = model_for(request["headers"].get("Content-Type"), models)
        if models and model is None:
            return True
        return bool(original({**method, "requestModels": {JSON: model} if model else {}}, rest_api, request))

    def missing_parameters(method: Any, request: Any) -> list[str]:
        return blank_parameters(method.get("requestParameters") or {}, request)

    # Not with `patch`, which turns a static method into one that gets `self`.
    replaced(
        MethodRequestHandler,
        "_is_body_valid",
        staticmethod(is_body_valid),
        because="a body of any type is validated by the model for JSON",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html",
    )
    replaced(
        MethodRequestHandler,
        "_get_missing_required_parameters",
        staticmethod(missing_parameters),
        because="blank parameters count as given",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html",
    )
