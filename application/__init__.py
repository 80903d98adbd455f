"""Use cases, one service per noun, and the ports that they need."""
