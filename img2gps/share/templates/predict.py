"""predict_gps(image) -> latitude, longitude. As a command: python predict.py PHOTO..."""
import functools, importlib.util, sys
from pathlib import Path

import numpy as np
import torch


@functools.lru_cache(maxsize=None)
def _beside(name):
    "The module in the file `name`.py beside this one, wherever this one is imported from."
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.lru_cache(maxsize=None)
def _model(device): return _beside("model").get_model(device=device)


def locate(photo):
    "A path, PIL image or uint8 array (height, width, 3) -> float64 array [latitude, longitude] in degrees."
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return np.array(_model(device).predict(_beside("preprocess").to_tensor(photo)[None])[0])


def predict_gps(image):
    """A uint8 array of shape (height, width, 3), RGB -> float32 array [latitude, longitude] in degrees. TypeError,
    ValueError for another type or shape."""
    _beside("preprocess").check_array(image)
    return locate(image).astype(np.float32)


if __name__ == "__main__":
    if len(sys.argv) < 2: sys.exit("usage: python predict.py PHOTO...")
    for path in sys.argv[1:]: print(path, *(f"{v:.7f}" for v in locate(path)))
