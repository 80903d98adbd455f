"""What turns texts into vectors: the built-in MiniLM, any OpenAI-compatible endpoint, and hashing for tests."""
