"""The administrators' command line: one module per noun, the same use cases as over HTTP."""
