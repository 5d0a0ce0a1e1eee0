"""The numbers of the paper that this project answers: Kang et al. 2024, arXiv 2411.02385, "How far
is video generation from world model".

Velocity errors: their figure 3, DiT-S/B/L on 30K, 300K and 3M videos, one training each. The
authors give four decimals in phyworld issue 7; the parabola is read from the vector graphics.
Templates: their table 2, one training each. The share of abnormal videos comes from human ratings
whose number is not published, so `ABNORMAL_VIDEOS` is an assumption that sets the width of its
intervals."""

PARAMETERS = {"DiT-S": 22.5e6, "DiT-B": 89.5e6, "DiT-L": 310.0e6}
VIDEOS = (3e4, 3e5, 3e6)
ABNORMAL_VIDEOS = 100

# task -> model -> one (ID, OOD) pair for each number of videos
VELOCITY_ERROR = {
    "uniform motion": {
        "DiT-S": ((0.0221, 0.4349), (0.0184, 0.2929), (0.0149, 0.2875)),
        "DiT-B": ((0.0166, 0.4330), (0.0148, 0.3281), (0.0138, 0.3583)),
        "DiT-L": ((0.0150, 0.3783), (0.0140, 0.3847), (0.0124, 0.4270)),
    },
    "collision": {
        "DiT-S": ((0.0267, 0.1873), (0.0241, 0.2000), (0.0227, 0.1525)),
        "DiT-B": ((0.0302, 0.2411), (0.0193, 0.1663), (0.0181, 0.2106)),
        "DiT-L": ((0.0240, 0.2700), (0.0158, 0.1725), (0.0153, 0.1613)),
    },
    "parabola": {
        "DiT-S": ((0.0509, 0.307), (0.0493, 0.285), (0.0472, 0.307)),
        "DiT-B": ((0.0430, 0.317), (0.0381, 0.376), (0.0358, 0.288)),
        "DiT-L": ((0.0379, 0.314), (0.0345, 0.351), (0.0331, 0.338)),
    },
}
# error of the true videos through the same parser: no model can be better
FLOOR = {"uniform motion": 0.0099, "collision": 0.0117, "parabola": 0.0210}
# number of templates, share abnormal on new templates (DiT-XL)
ABNORMAL = ((6, 0.67), (30, 0.18), (60, 0.10))
