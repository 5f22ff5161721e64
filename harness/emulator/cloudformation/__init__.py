"""CloudFormation, completed: resource types that LocalStack lacks, and no type accepted that it cannot make.

A resource type is a row of data (`resource_type.ResourceType`), made into a provider by `provider.provider_of` and
found by LocalStack through an entry point. The package knows the services only by their API.
"""
