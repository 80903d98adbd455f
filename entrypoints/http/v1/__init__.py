"""Version 1 of the API: one module per resource, each a router of thin endpoints."""
