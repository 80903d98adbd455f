"""Everything that keeps rows: tracking and mapping, the stores in memory and on SQL."""
