"""Use cases of operations: jobs as people see them."""
