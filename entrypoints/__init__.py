"""The ways in: settings and wiring, and the channels HTTP, command line and worker."""
