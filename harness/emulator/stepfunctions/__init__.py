"""State machines where LocalStack 4.14.0 is not as AWS."""
