"""Work behind the requests: journal, index and jobs, in loops that no error ends."""
