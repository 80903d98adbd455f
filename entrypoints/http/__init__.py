"""The HTTP channel: FastAPI endpoints that translate requests into use cases and their results into answers."""
