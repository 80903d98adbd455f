"""Use cases of knowledge, their ports and read models."""
