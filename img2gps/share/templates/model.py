"""A network that says where on one campus a photo was taken. Needs torch, numpy, and torchvision or timm alone.

model = get_model(); model.predict(x) with x of shape (n, 3, height, width) from preprocess.py
"""
from pathlib import Path

import numpy as np
import torch
from torch import nn

SETTINGS = {} # written with the weights: arch, library, frame ...


def create_body():
    "The backbone without its classifier."
    if SETTINGS["library"] == "timm":
        import timm
        return timm.create_model(SETTINGS["arch"], pretrained=False, num_classes=0, **SETTINGS["options"])
    import torchvision
    body = torchvision.models.get_model(SETTINGS["arch"], weights=None)
    parent, _, last = SETTINGS["classifier"].rpartition(".")
    setattr(body.get_submodule(parent), last, nn.Identity())
    return body


def create_head():
    "One linear layer, or two."
    features, hidden, dropout = (SETTINGS[k] for k in ("features", "hidden", "dropout"))
    if not hidden: return nn.Sequential(nn.Dropout(dropout), nn.Linear(features, 2))
    return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, 2))


class Model(nn.Module):
    "Normalised photos (n, 3, height, width) -> (n, 2): east and north of the centre in units of the frame's scale."
    def __init__(self):
        super().__init__()
        self.body, self.head = create_body(), create_head()

    def forward(self, x):
        features = self.body(x)
        # half precision would cost metres
        with torch.autocast(features.device.type, enabled=False): return self.head(features.float())

    @torch.inference_mode()
    def predict(self, batch):
        "Photos of `prepare_data`, a tensor (n, 3, height, width) or a list -> list of [latitude, longitude]."
        self.eval()
        x = batch if isinstance(batch, torch.Tensor) else torch.stack([torch.as_tensor(photo) for photo in batch])
        device = next(self.parameters()).device
        parts = [self(part.to(device, torch.float32)).cpu() for part in x.split(32)]
        return to_degrees(torch.cat(parts)).tolist() if parts else []


def get_model(path=None, device="cpu"):
    "The trained network in evaluation mode; `path` is model.pt beside this file by default."
    model = Model()
    path = path or Path(__file__).with_name("model.pt")
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return model.to(device).eval()


def to_degrees(standardised):
    """(n, 2) outputs of the network -> float64 (n, 2): latitude, longitude in degrees, from the tangent plane to the
    WGS84 ellipsoid under it."""
    east_north = standardised.detach().cpu().double().numpy() * SETTINGS["scale"]
    a, f = 6378137.0, 1 / 298.257223563
    e2, phi, lam = f * (2 - f), np.deg2rad(SETTINGS["latitude"]), np.deg2rad(SETTINGS["longitude"])
    east = np.array([-np.sin(lam), np.cos(lam), 0.])
    north = np.array([-np.sin(phi) * np.cos(lam), -np.sin(phi) * np.sin(lam), np.cos(phi)])
    up = np.array([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
    up_scaled = np.array([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), (1 - e2) * np.sin(phi)])
    centre = a / np.sqrt(1 - e2 * np.sin(phi)**2) * up_scaled
    plane = centre + east_north @ np.stack([east, north])
    weight = np.array([a, a, a * (1 - f)])**-2. # the ellipsoid is where the weighted squares add up to 1
    p, q, r = (up * up * weight).sum(), (plane * up * weight).sum(-1), (plane * plane * weight).sum(-1) - 1
    x, y, z = np.moveaxis(plane + ((-q + np.sqrt(np.maximum(q**2 - p * r, 0))) / p)[..., None] * up, -1, 0)
    return np.rad2deg(np.stack([np.arctan2(z, (1 - e2) * np.hypot(x, y)), np.arctan2(y, x)], -1))
