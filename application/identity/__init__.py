"""Use cases of accounts, sign-in and access, and the ports that they need."""
