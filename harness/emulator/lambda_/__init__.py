"""Runs Lambda functions as processes of this machine: the `process` executor.

LocalStack keeps the functions, their versions and their concurrency, and asks an executor for execution environments. This
one starts a process for each, serves AWS's Runtime API to it and lets AWS's own runtime client run the handler. It knows
nothing of who invokes.
"""
