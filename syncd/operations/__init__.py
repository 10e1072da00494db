"""What can be asked of an install, one operation a file: the same code answers on a terminal and behind the daemon's socket."""
