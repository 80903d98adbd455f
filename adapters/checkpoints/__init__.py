"""Heads of the audit trail outside the database."""
