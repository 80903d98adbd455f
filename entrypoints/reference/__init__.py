"""Pages of the guide that are made from the code, so that they cannot fall behind it."""
