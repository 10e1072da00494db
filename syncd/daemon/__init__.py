"""The daemon: threads, signals, schedule, watch, control."""
