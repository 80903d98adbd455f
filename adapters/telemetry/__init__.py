"""What the service tells about itself: its log and its metrics."""
