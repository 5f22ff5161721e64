"""What tests control: faults, delays, what is due now, and what left the system."""
