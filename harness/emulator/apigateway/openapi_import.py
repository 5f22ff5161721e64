"""What LocalStack 4.14.0 ignores when it imports an OpenAPI definition: authorization and credentials.

Of the security schemes it knows those with an authorizer and nothing else, so a method with AWS_IAM (what SAM's
`DefaultAuthorizer: AWS_IAM` is expanded to) was open to everyone, and a method that opts out of the definition's default was
not. It drops the `credentials` of integrations.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authtype.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-auth.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from localstack.services.apigateway.legacy import provider

from harness.emulator.patches import patched

AUTH = "x-amazon-apigateway-auth"
AUTHTYPE = "x-amazon-apigateway-authtype"
AUTHORIZER = "x-amazon-apigateway-authorizer"
ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
SIGNED = "awssigv4"
METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", ANY})


def operations(definition: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """`(path, method, operation)` of each operation; the method is API Gateway's (`ANY`)."""
    for path, items in (definition.get("paths") or {}).items():
        for name, operation in (items or {}).items():
            if name.lower() in METHODS and isinstance(operation, Mapping):
                yield path, "ANY" if name.lower() == ANY else name.upper(), operation


def authorization(operation: Mapping[str, Any], definition: Mapping[str, Any]) -> str | None:
    """AWS_IAM, NONE, or None where an authorizer decides, which LocalStack imports."""
    schemes = definition.get("securityDefinitions") or (definition.get("components") or {}).get("securitySchemes") or {}
    stated = str((operation.get(AUTH) or {}).get("type") or "").upper()
    if stated in ("NONE", "AWS_IAM"):
        return stated
    # An operation's own list, also an empty one, replaces that of the definition.
    required = operation["security"] if "security" in operation else definition.get("security")
    names = [name for requirement in required or () for name in requirement]
    asked = [schemes[name] for name in names if isinstance(schemes.get(name), Mapping)]
    if any(str(s.get(AUTHTYPE) or "").lower() == SIGNED and AUTHORIZER not in s for s in asked):
        return "AWS_IAM"
    return None if any(AUTHORIZER in scheme for scheme in asked) else "NONE"


def apply(rest_api: Any, definition: Mapping[str, Any]) -> None:
    """Complete the methods that `rest_api`, moto's model of the API, was imported with."""
    by_path = {resource.get_path(): resource for resource in list(rest_api.resources.values())}
    for path, method, operation in operations(definition):
        # A base path may stand before those of the definition.
        resource = by_path.get(path) or next((r for p, r in by_path.items() if p.endswith(path) and path != "/"), None)
        imported = resource.resource_methods.get(method) if resource is not None else None
        if imported is None:
            continue
        kind = authorization(operation, definition)
        if kind is not None:
            imported.authorization_type = kind
            imported.authorizer_id = None
        credentials = (operation.get(INTEGRATION) or {}).get("credentials")
        if credentials and imported.method_integration is not None:
            imported.method_integration.credentials = credentials


def install() -> None:
    @patched(
        provider,
        "import_api_from_openapi_spec",
        because="LocalStack leaves AWS_IAM, opt-outs and credentials out of an OpenAPI import",
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-auth.html",
        layer=1,
    )
    def import_whole(original: Any, rest_api: Any, context: Any, open_api_spec: Any, mode: Any) -> Any:
        result = original(rest_api, context=context, open_api_spec=open_api_spec, mode=mode)
        apply(rest_api, open_api_spec)
        return result
