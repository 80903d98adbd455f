"""Vector search: one module or folder per engine behind the port VectorIndex."""
