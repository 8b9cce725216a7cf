"""What can be relied on, in figures: ``python -m tests.reliability`` checks every goal and its negative control."""
