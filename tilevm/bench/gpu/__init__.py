"""Speed on a GPU: the kernels of the library and of the examples, against peers on the same card."""
