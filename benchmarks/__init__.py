"""Speed and memory of a training step, side by side with the naive way. ``python -m benchmarks --help``."""
