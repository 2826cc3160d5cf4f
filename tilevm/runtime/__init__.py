"""Running compiled kernels: arguments taken in, checked and launched."""
