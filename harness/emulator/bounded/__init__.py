"""Limits what a client's pattern may cost: wildcards in linear time, expressions and queries with a time limit.

A pattern of a few characters can keep Python's `re`, a JSONPath or a JMESPath busy for years, and with it the engine.
These modules know no service; `installation` puts them in the place of what LocalStack and its libraries use.
"""
