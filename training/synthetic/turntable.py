"""The parameters of one made-up car on its turntable, drawn from a seed."""

from dataclasses import dataclass

import numpy as np

from core.errors import ConfigError

VIEWS = 16
"""Views in one turn of the turntable; view 1 shows the front, each step turns by 22.5 degrees."""


@dataclass(frozen=True)
class BodyStyle:
    """The ranges from which the dimensions of one body style are drawn; metres unless stated."""

    length: tuple[float, float]
    width: tuple[float, float]
    height: tuple[float, float]
    clearance: tuple[float, float]
    wheel_radius: tuple[float, float]
    wheelbase: float
    """Distance between the axles as a share of the length."""
    front_axle: float
    """Position of the front axle as a share of the length, from the nose."""
    profile: tuple[tuple[float, float], ...]
    """Roof line from nose to tail: (share of the length, share of the height)."""
    screen: tuple[float, float]
    """Where the windscreen begins and ends, as shares of the length."""
    rear_glass: tuple[float, float]
    """Where the rear window begins and ends, as shares of the length."""
    doors: tuple[float, ...]
    """Door gaps as shares of the length."""
    side_glass: tuple[float, float]
    """First and last end of the side windows, as shares of the length."""


_SALOON = ((0.0, 0.535), (0.06, 0.555), (0.27, 0.635), (0.43, 0.965), (0.53, 1.0), (0.68, 0.955),
           (0.845, 0.71), (0.97, 0.69), (1.0, 0.66))  # fmt: skip
_COUPE = ((0.0, 0.53), (0.06, 0.56), (0.31, 0.64), (0.485, 0.97), (0.56, 1.0), (0.68, 0.945),
          (0.89, 0.715), (0.97, 0.70), (1.0, 0.66))  # fmt: skip
_HATCHBACK = ((0.0, 0.525), (0.06, 0.55), (0.25, 0.63), (0.42, 0.965), (0.54, 1.0), (0.86, 0.93),
              (0.97, 0.66), (1.0, 0.60))  # fmt: skip
_ESTATE = ((0.0, 0.535), (0.06, 0.555), (0.26, 0.635), (0.41, 0.965), (0.52, 1.0), (0.88, 0.94),
           (0.975, 0.68), (1.0, 0.62))  # fmt: skip
_SUV = ((0.0, 0.575), (0.06, 0.595), (0.26, 0.655), (0.39, 0.965), (0.50, 1.0), (0.89, 0.95),
        (0.97, 0.66), (1.0, 0.60))  # fmt: skip
_CITY = ((0.0, 0.49), (0.06, 0.52), (0.21, 0.60), (0.40, 0.965), (0.54, 1.0), (0.90, 0.93),
         (0.98, 0.62), (1.0, 0.55))  # fmt: skip
_MPV = ((0.0, 0.475), (0.05, 0.505), (0.19, 0.58), (0.38, 0.96), (0.52, 1.0), (0.92, 0.95),
        (0.98, 0.62), (1.0, 0.57))  # fmt: skip
_VAN = ((0.0, 0.46), (0.04, 0.485), (0.15, 0.555), (0.295, 0.955), (0.36, 0.995), (0.955, 0.985),
        (0.99, 0.6), (1.0, 0.55))  # fmt: skip
_PICKUP = ((0.0, 0.585), (0.05, 0.60), (0.255, 0.64), (0.365, 0.965), (0.44, 1.0), (0.575, 0.975),
           (0.615, 0.66), (0.66, 0.635), (0.97, 0.635), (1.0, 0.62))  # fmt: skip

STYLES: dict[str, BodyStyle] = {
    "hatchback": BodyStyle((3.9, 4.4), (1.74, 1.84), (1.42, 1.54), (0.17, 0.21), (0.30, 0.34),
                           0.605, 0.195, _HATCHBACK, (0.25, 0.42), (0.86, 0.97),
                           (0.30, 0.52, 0.74), (0.27, 0.90)),
    "saloon": BodyStyle((4.5, 5.1), (1.78, 1.90), (1.40, 1.50), (0.16, 0.20), (0.31, 0.36),
                        0.585, 0.195, _SALOON, (0.27, 0.43), (0.68, 0.845),
                        (0.31, 0.51, 0.70), (0.29, 0.80)),
    "estate": BodyStyle((4.5, 4.95), (1.78, 1.90), (1.44, 1.54), (0.16, 0.21), (0.31, 0.36),
                        0.59, 0.195, _ESTATE, (0.26, 0.41), (0.88, 0.975),
                        (0.30, 0.50, 0.70), (0.28, 0.93)),
    "coupe": BodyStyle((4.2, 4.75), (1.78, 1.92), (1.26, 1.38), (0.13, 0.17), (0.32, 0.36),
                       0.57, 0.20, _COUPE, (0.31, 0.485), (0.68, 0.89),
                       (0.34, 0.63), (0.33, 0.81)),
    "suv": BodyStyle((4.3, 4.95), (1.82, 1.98), (1.62, 1.80), (0.21, 0.28), (0.35, 0.41),
                     0.585, 0.19, _SUV, (0.26, 0.39), (0.89, 0.97),
                     (0.29, 0.49, 0.70), (0.275, 0.93)),
    "city": BodyStyle((3.45, 3.8), (1.62, 1.70), (1.46, 1.58), (0.16, 0.20), (0.27, 0.31),
                      0.64, 0.17, _CITY, (0.21, 0.40), (0.90, 0.98),
                      (0.28, 0.60), (0.25, 0.92)),
    "mpv": BodyStyle((4.4, 5.1), (1.82, 1.98), (1.65, 1.80), (0.16, 0.21), (0.32, 0.36),
                     0.60, 0.19, _MPV, (0.19, 0.38), (0.92, 0.98),
                     (0.28, 0.47, 0.68), (0.25, 0.94)),
    "van": BodyStyle((4.5, 5.3), (1.84, 1.98), (1.82, 2.05), (0.18, 0.23), (0.32, 0.36),
                     0.61, 0.185, _VAN, (0.15, 0.295), (0.955, 0.99),
                     (0.20, 0.39, 0.60), (0.20, 0.93)),
    "pickup": BodyStyle((5.0, 5.7), (1.86, 2.02), (1.75, 1.90), (0.24, 0.31), (0.37, 0.42),
                        0.61, 0.18, _PICKUP, (0.255, 0.365), (0.575, 0.615),
                        (0.29, 0.445, 0.58), (0.275, 0.575)),
}  # fmt: skip
"""Body styles by name."""

PAINTS: dict[str, tuple[int, int, int]] = {
    "white": (238, 239, 240), "pearl": (226, 224, 216), "silver": (184, 187, 190),
    "grey": (122, 126, 131), "graphite": (64, 68, 74), "black": (16, 17, 20),
    "red": (168, 20, 26), "burgundy": (84, 16, 28), "blue": (28, 66, 148),
    "navy": (20, 30, 62), "sky": (136, 172, 204), "green": (28, 74, 54),
    "lime": (140, 178, 44), "yellow": (232, 186, 30), "orange": (214, 92, 22),
    "brown": (88, 62, 44), "beige": (198, 184, 158), "teal": (24, 112, 122),
    "purple": (74, 40, 104),
}  # fmt: skip
"""Paint colours by name, RGB 0..255."""

# Shares as on real roads: white, silver, grey and black are most of the cars.
_PAINT_WEIGHTS = (18, 5, 12, 9, 7, 12, 7, 3, 7, 4, 3, 3, 1, 2, 2, 2, 3, 2, 1)

_RIMS = ((205, 207, 210), (168, 170, 174), (62, 64, 68), (30, 31, 34), (222, 223, 225))


@dataclass(frozen=True)
class Stand:
    """How a car stands on the turntable and how the camera sees it; the same for all its views."""

    camera_height: float
    """Metres above the floor."""
    camera_distance: float
    """Metres from the turntable's centre."""
    fill: float
    """Share of the picture's width that the car takes in side view."""
    position: tuple[float, float]
    """Where the car stands on the floor, metres towards the camera and to its right."""
    aim: float
    """Vertical place of the car in the picture, as a share of its height from the middle."""
    yaw: float
    """How the car stands on the table when view 1 is taken, degrees from facing the camera."""
    exposure: float
    """Brightness of the picture, 1 is normal."""


@dataclass(frozen=True)
class CarParameters:
    """Everything that decides how one car looks and how it stands before the camera."""

    seed: int
    """The set's seed."""
    car: int
    """The car's number in the set."""
    style: str
    """Body style, a key of STYLES."""
    length: float
    """Metres."""
    width: float
    """Metres, without mirrors."""
    height: float
    """Metres, ground to roof."""
    clearance: float
    """Metres, ground to underbody."""
    wheel_radius: float
    """Metres, with the tyre."""
    profile: tuple[tuple[float, float], ...]
    """Roof line: (share of the length from the nose, share of the height)."""
    belt: tuple[float, float]
    """Height of the waist line at the windscreen and at the tail, as shares of the height."""
    tumblehome: float
    """How far the side windows lean inwards, metres in y for each metre in z."""
    bow: float
    """Roundness of nose, screens and tail seen from above, metres at the car's side."""
    crease: float
    """Depth of the flank's hollow below the shoulder, 0 for none."""
    paint_name: str
    """Name of the paint, a key of PAINTS."""
    paint: tuple[int, int, int]
    """Paint, RGB 0..255."""
    metallic: float
    """Share of metallic effect in the paint, in [0, 1]."""
    roof_paint: tuple[int, int, int]
    """Paint of the roof, RGB 0..255; usually the same as the body's."""
    trim: str
    """Window trim: "chrome", "black" or "body"."""
    cladding: bool
    """Unpainted plastic round the wheel arches and along the sills."""
    tint: float
    """Darkness of the glass, in [0, 1]."""
    panel: bool
    """A van without rear side windows."""
    spokes: int
    """Spokes of a rim."""
    rim: tuple[int, int, int]
    """Colour of the rims, RGB 0..255."""
    rim_share: float
    """Radius of the rim as a share of the wheel's."""
    lamps: float
    """Height of the head lamps below the bonnet, 0 high to 1 low."""
    grille: int
    """Form of the grille, 0..3."""
    tail: int
    """Form of the tail lamps, 0..2."""
    roof_rails: bool
    """Rails along the roof."""
    roof_rack: bool
    """Two bars across the roof."""
    aerial: int
    """0 none, 1 shark fin, 2 rod."""
    stand: Stand
    """How it stands before the camera."""


def _jittered_profile(
    rng: np.random.Generator, style: BodyStyle
) -> tuple[tuple[float, float], ...]:
    """Returns the style's roof line with small changes, still rising and falling as it should."""
    points = []
    for share, height in style.profile:
        inner = 0.0 < share < 1.0
        x = share + (rng.uniform(-0.006, 0.006) if inner else 0.0)
        z = height + (rng.uniform(-0.012, 0.012) if height < 0.9 else 0.0)
        points.append((round(float(x), 4), round(float(z), 4)))
    return tuple(points)


def _rounded(rng: np.random.Generator, low: float, high: float, digits: int = 3) -> float:
    return round(float(rng.uniform(low, high)), digits)


def _paint(rng: np.random.Generator) -> tuple[str, tuple[int, int, int]]:
    weights = np.array(_PAINT_WEIGHTS, dtype=np.float64)
    name = list(PAINTS)[int(rng.choice(len(weights), p=weights / weights.sum()))]
    shade = np.array(PAINTS[name]) * rng.uniform(0.92, 1.04) + rng.uniform(-5, 5, 3)
    red, green, blue = (int(value) for value in np.clip(shade, 6, 248))
    return name, (red, green, blue)


def _stand(rng: np.random.Generator) -> Stand:
    return Stand(
        camera_height=_rounded(rng, 1.25, 2.3),
        camera_distance=_rounded(rng, 5.9, 9.0),
        fill=_rounded(rng, 0.62, 0.88),
        position=(_rounded(rng, -0.25, 0.25), _rounded(rng, -0.25, 0.25)),
        aim=_rounded(rng, -0.05, 0.10),
        yaw=_rounded(rng, -6.0, 6.0, 1),
        exposure=_rounded(rng, 0.88, 1.1),
    )


def sample_car(seed: int, car: int) -> CarParameters:
    """Returns the parameters of one car, a function of (seed, car) alone.

    Args:
        seed: The set's seed, 0 or more.
        car: The car's number in the set, 0 or more. Neighbouring numbers walk through the body
            styles, so that a small set shows them all.

    Raises:
        ConfigError: A negative seed or car number.
    """
    if seed < 0 or car < 0:
        raise ConfigError(f"seed {seed}, car {car}: both need to be 0 or more.")
    rng = np.random.default_rng([seed, car, 11])
    # Each block of as many cars as there are styles holds every style once, shuffled.
    block = np.random.default_rng([seed, car // len(STYLES), 12]).permutation(len(STYLES))
    name = list(STYLES)[int(block[car % len(STYLES)])]
    style = STYLES[name]
    paint_name, paint = _paint(rng)
    dark_roof = bool(rng.random() < 0.12) and name in ("hatchback", "city", "suv")
    tall = name in ("suv", "pickup")
    long_roof = name in ("estate", "suv", "mpv", "van")
    return CarParameters(
        seed=seed,
        car=car,
        style=name,
        length=_rounded(rng, *style.length),
        width=_rounded(rng, *style.width),
        height=_rounded(rng, *style.height),
        clearance=_rounded(rng, *style.clearance),
        wheel_radius=_rounded(rng, *style.wheel_radius),
        profile=_jittered_profile(rng, style),
        belt=(_rounded(rng, 0.60, 0.625), _rounded(rng, 0.645, 0.69)),
        tumblehome=_rounded(rng, 0.20, 0.34) if name != "van" else _rounded(rng, 0.10, 0.16),
        bow=_rounded(rng, 0.10, 0.19),
        crease=_rounded(rng, 0.0, 1.6),
        paint_name=paint_name,
        paint=paint,
        metallic=_rounded(rng, 0.0, 0.25)
        if paint_name in ("white", "red", "yellow")
        else _rounded(rng, 0.2, 1.0),
        roof_paint=(20, 21, 23) if dark_roof else paint,
        trim=str(rng.choice(["chrome", "black", "body"], p=[0.4, 0.4, 0.2])),
        cladding=bool(rng.random() < (0.6 if tall else 0.08)),
        tint=_rounded(rng, 0.1, 1.0),
        panel=name == "van" and bool(rng.random() < 0.5),
        spokes=int(rng.choice([5, 5, 6, 7, 10, 10, 12, 15])),
        rim=_RIMS[int(rng.choice(len(_RIMS), p=[0.34, 0.24, 0.16, 0.12, 0.14]))],
        rim_share=_rounded(rng, 0.66, 0.76),
        lamps=_rounded(rng, 0.0, 1.0),
        grille=int(rng.integers(4)),
        tail=int(rng.integers(3)),
        roof_rails=long_roof and bool(rng.random() < 0.5),
        roof_rack=bool(rng.random() < 0.10) and name != "coupe",
        aerial=int(rng.choice([0, 1, 2], p=[0.35, 0.45, 0.20])),
        stand=_stand(rng),
    )
