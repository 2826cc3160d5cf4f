import numpy as np

import tilevm as tv


def kernel(y: tv.Tensor):
    y.store(0, tv.zeros(64, np.float32))
