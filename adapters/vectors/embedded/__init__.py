"""The vector index of the process: a mapped float32 matrix, scanned exactly or through 1-bit sign codes."""
