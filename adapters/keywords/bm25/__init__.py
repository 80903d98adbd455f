"""The BM25 index of the process: numpy postings in segments, read from immutable snapshots."""
