"""What the functions of several micro-services share: domain events and HTTP answers."""
