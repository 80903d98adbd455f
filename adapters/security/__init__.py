"""Hashes, tokens, keys and seals: everything that rests on cryptography."""
