"""From instructions to something that runs: one package a machine."""
