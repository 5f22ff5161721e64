"""Applies every declared change in a process that serves nothing, and finds those that are on no record."""
