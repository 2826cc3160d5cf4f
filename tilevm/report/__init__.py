"""What the compiler tells about a kernel and about itself: checks and documents."""
