"""One folder per family of ports, one module per technology."""
