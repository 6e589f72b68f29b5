__version__ = "0.1.0"

import warnings

# fastai's import warns of this, in red, and no user of this package can do anything about it
warnings.filterwarnings("ignore", r"`torch\.jit\.script` is deprecated", FutureWarning)
