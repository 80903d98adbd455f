"""Jobs: long work whose truth is a row."""
