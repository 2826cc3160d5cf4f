"""From Python source to tile instructions."""
