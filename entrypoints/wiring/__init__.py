"""How the parts are put together: one small container per area, and start and stop of the whole."""
