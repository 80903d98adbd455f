"""Who may do what: users, credentials, sessions, roles, and the rules that hold for them."""
