"""Language models that write answers, one module per technology."""
