"""What a reset does to functions."""

from localstack.aws.connect import connect_to

from harness.emulator.controls.emptying import of_account, stops


def install() -> None:
    stops("lambda", _delete_functions)


def _delete_functions(account_id: str | None) -> None:
    """Of one account; those of all accounts end with the hooks of LocalStack's service."""
    if account_id is None:
        return
    from localstack.services.lambda_.invocation.models import lambda_stores

    for _, region, store in of_account(lambda_stores, account_id):
        client = connect_to(aws_access_key_id=account_id, region_name=region).lambda_
        for mapping in list(store.event_source_mappings):
            client.delete_event_source_mapping(UUID=mapping)
        for function in list(store.functions):
            client.delete_function(FunctionName=function)
