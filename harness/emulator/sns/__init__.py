"""Topics of SNS."""
