"""Tamper evidence: how journal entries are hashed, sealed and chained."""
