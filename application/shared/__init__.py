"""The seam between use cases and stores, and the ports that every context uses."""
