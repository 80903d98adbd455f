"""Two functions per aggregate: to its row and back."""
