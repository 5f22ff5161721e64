"""CloudFormation, completed: resource types that LocalStack does not have; a type that it cannot make is refused.

A resource type is a row of data (`resource_type.ResourceType`), made into a provider by `provider.provider_of` and
found by LocalStack through an entry point. The package knows the services only by their API.
"""
