"""From photos to what the network sees. Needs Pillow, numpy and torch; pandas for `prepare_data`."""
import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

SETTINGS = {} # written with the weights: size, letterbox, mean, std


def check_array(image):
    "TypeError or ValueError unless `image` is a uint8 array of shape (height, width, 3)."
    if not isinstance(image, np.ndarray):
        raise TypeError(f"a photo is a numpy array, a PIL image or a path, not {type(image).__name__}")
    if image.dtype != np.uint8:
        raise TypeError(f"a photo's array is uint8 with values from 0 to 255, not {image.dtype}")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"a photo's array has the shape (height, width, 3), in RGB, not {image.shape}")


def to_image(photo):
    "The photo upright, in RGB, cropped about its centre and resized to what the network sees."
    size = SETTINGS["size"] # height, width
    if isinstance(photo, (str, os.PathLike)):
        with Image.open(photo, formats=("JPEG", "PNG", "WEBP", "TIFF")) as image: # PostScript is a program
            # a large JPEG is decoded at a reduced size, as in training
            image.draft("RGB", (2 * max(size), 2 * max(size)))
            return to_image(image)
    if isinstance(photo, Image.Image): photo = ImageOps.exif_transpose(photo)
    else: check_array(photo); photo = Image.fromarray(photo)
    photo, shape = photo.convert("RGB"), photo.width * size[0] / (photo.height * size[1])
    if SETTINGS["letterbox"] and min(shape, 1 / shape) < 0.7: # photos of another shape are fitted whole
        return ImageOps.pad(photo, size[::-1], Image.Resampling.BILINEAR, (124, 116, 104))
    return ImageOps.fit(photo, size[::-1], Image.Resampling.BILINEAR)


def to_tensor(photo):
    "A path, PIL image or uint8 array (height, width, 3) -> normalised float32 tensor (3, height, width)."
    pixels = torch.from_numpy(np.array(to_image(photo))).permute(2, 0, 1).float().div_(255)
    mean, std = (torch.tensor(SETTINGS[k], dtype=torch.float32)[:, None, None] for k in ("mean", "std"))
    return (pixels - mean) / std


NAMES = { # what each column of a CSV may be called
    "file": ("file_name", "filename", "image_path", "image", "file", "path", "name"),
    "latitude": ("latitude", "lat"), "longitude": ("longitude", "lon", "lng", "long")}


def prepare_data(csv_path):
    """A CSV of photos (file_name, latitude, longitude; names are relative to it) -> X, float32 (n, 3, height, width),
    and y, float64 (n, 2): latitude and longitude, NaN where the CSV has none. ValueError names a column that is
    missing."""
    import pandas as pd
    table = pd.read_csv(csv_path)
    known = {str(c).strip().lower().replace(" ", "_"): c for c in table.columns}
    at = {what: next((known[n] for n in names if n in known), None) for what, names in NAMES.items()}
    if at["file"] is None:
        raise ValueError(f"{csv_path} has the columns {list(table.columns)}, and none of {NAMES['file']}")
    photos = [to_tensor(Path(csv_path).parent / name) for name in table[at["file"]].astype(str)]
    truth = [table[at[k]] if at[k] is not None else pd.Series(np.nan, table.index) for k in ("latitude", "longitude")]
    y = torch.tensor(np.stack([pd.to_numeric(column).to_numpy(np.float64) for column in truth], 1))
    return torch.stack(photos) if photos else torch.zeros(0, 3, *SETTINGS["size"]), y
