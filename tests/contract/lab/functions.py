"""Functions that do not handle what they are given."""

from tests.contract.lab.broken_stack import BrokenStack

BROKEN: list[BrokenStack] = []
