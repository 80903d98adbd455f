"""Use cases of the audit trail: reading it."""
