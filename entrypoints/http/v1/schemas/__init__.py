"""What version 1 takes and shows: strict models for requests, typed dicts for answers."""
