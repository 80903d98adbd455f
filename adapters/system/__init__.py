"""What the operating system gives: the time, and threads for work that would hold the event loop."""
