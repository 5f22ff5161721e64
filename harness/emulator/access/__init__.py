"""Decides every call as IAM does: who calls, what on which resource, and which policies speak for and against it.

`policy`, `conditions` and `evaluation` are functions of data; `principals`, `actions` and `resource_policies` read the
running engine; `enforcement` asks them for each call in LocalStack's request chain.
"""
