"""The schema in motion: its revisions, where a database stands, who may move it, and how statements are repeated."""
