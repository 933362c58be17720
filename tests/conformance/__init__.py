"""HTTP to the letter: the same bytes go through Talon and through nginx, and both ends of the wire are looked at."""
