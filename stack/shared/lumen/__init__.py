"""Code that functions of several micro-services share: domain events and HTTP responses."""
