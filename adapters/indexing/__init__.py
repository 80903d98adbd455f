"""What the in-process indexes share: slots of chunks, allowed sets, choosing the best, snapshot files."""
