"""API Gateway's REST APIs, completed: the authorizers that LocalStack stores and never runs.

The package knows functions by Lambda's API, tokens by `harness.emulator.cognito`, and callers by moto's IAM.
"""
