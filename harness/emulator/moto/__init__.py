"""Services that moto serves."""
