"""Text out of uploaded files: one module per media type, run in a guarded child process."""
