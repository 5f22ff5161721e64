"""Decides every call as IAM does: the principal, the actions and resources of the call, and the policies that allow or deny them.

`policy`, `conditions` and `evaluation` are functions of data; `principals`, `actions` and `resource_policies` read the
running engine; `enforcement` asks them for each call in LocalStack's request chain.
"""
