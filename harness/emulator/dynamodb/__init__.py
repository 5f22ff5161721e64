"""Tables of DynamoDB and their streams."""
