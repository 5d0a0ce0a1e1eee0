"""Published PHYRE files as rows of this project (`dataset.hdf5` describes the layout)."""

import math
from pathlib import Path

import numpy as np

from physscale.dataset.hdf5 import PublishedFile, published, states_of
from physscale.dataset.hdf5_streams import streams_of
from physscale.records.errors import DamagedData
from physscale.records.scene import WORLD_M, Shape
from physscale.records.video import BODY, COLOUR

FEATURES = "object_streams"

PHYRE_FRAME_S = 20 / 60

PHYRE_FEATURES = 14

PHYRE_COLOURS = (
    (243, 79, 70),
    (107, 206, 187),
    (24, 119, 242),
    (75, 74, 164),
    (185, 202, 210),
    (0, 0, 0),
)
"""Red, green, blue, purple, grey, black, as PHYRE's features list them."""


def open_combinatorial(path: Path) -> PublishedFile:
    """A published PHYRE file: poses, sizes, kinds and colours of every featurised
    object, in a world of 10 m.

    Bars and jars become boxes. The features give only their length; the height is a fifth of it.

    Raises:
        UserError: if there is no such file.
        DamagedData: if it is torn or of another layout.
    """
    streams = streams_of(path, (FEATURES,))
    features = streams[FEATURES]
    if features.ndim != 4 or features.shape[3] != PHYRE_FEATURES:
        raise DamagedData(
            f"{path}: object_streams has shape {features.shape}, PHYRE's features are (rows, "
            "frames, objects, 14)"
        )
    first = features[:, 0]
    kind, colour = first[..., 4:8].argmax(-1), first[..., 8:14].argmax(-1)
    body = np.zeros((*first.shape[:2], len(BODY)), np.float32)
    size = first[..., 3] * WORLD_M / 2
    body[..., BODY.index("shape")] = np.where(kind == 0, Shape.DISC, Shape.BOX)
    body[..., BODY.index("radius_m")] = size
    body[..., BODY.index("half_height_m")] = np.where(kind == 0, 0.0, size / 5)
    body[..., BODY.index("mass_kg")] = size**2
    body[..., COLOUR] = np.array(PHYRE_COLOURS)[colour]
    body[..., BODY.index("kind")] = kind
    state = states_of(features[..., :2].astype(np.float64) * WORLD_M, step_s=PHYRE_FRAME_S)
    state[..., 2] = features[..., 2] * 2 * math.pi
    time_s = PHYRE_FRAME_S * np.arange(features.shape[1])
    none = np.full(len(body), np.nan)
    return published(
        path,
        scenario=path.stem,
        time_s=time_s,
        state=state,
        body=body,
        contact_s=none,
    )
