"""Local emulation and integration-test harness for a complete AWS serverless architecture.

The parts and who may import whom are in ARCHITECTURE.md.
"""
