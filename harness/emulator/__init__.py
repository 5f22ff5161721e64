"""LocalStack, completed: the services and the semantics that the open-source 4.14.0 does not have.

Everything in this package runs inside the LocalStack process, through LocalStack's own plugin namespaces, and it is the
only part of the project that imports localstack or moto. The rest of the harness sees it over the AWS APIs and
`/_harness/*` (`control_api`), and knows nothing of what is in here.
"""
