"""State machines where LocalStack 4.14.0 differs from AWS."""
