"""Turning text into unit vectors: the built-in MiniLM, remote endpoints, and a hashing stand-in for tests."""
