"""From tiles to threads: one lowering for every machine with threads, and the passes on what it makes."""
