"""Keys of KMS."""
