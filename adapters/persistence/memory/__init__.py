"""The store in memory: the oracle of the contract suites, and for tests."""
