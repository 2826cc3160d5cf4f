"""NVIDIA's GPUs by way of PTX; so far the machine that runs PTX without a GPU."""
