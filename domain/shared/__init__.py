"""The kernel that every context speaks: actors, errors, ids, instants, lists and the base of aggregates."""
