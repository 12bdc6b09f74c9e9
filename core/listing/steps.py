"""The steps of a listing photo as data: what each is called, its settings, limits and help.

Lengths are shares of the frame, the photo or the car, so that a recipe fits photos of any size. The
docstring under a field is its help text. The order of `STEPS` is the order in which they are done.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Colour = Annotated[str, Field(pattern="^#[0-9A-Fa-f]{6}$")]
PictureName = Annotated[str, Field(max_length=60_000_000, pattern=r"^[^\x00]*$")]
"""A picture's file, seen from the recipe's folder, or the picture itself as a data: URL."""


class Step(BaseModel):
    """Base of all steps: unknown settings, NaN and converted types are refused."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )
    title: ClassVar[str]
    """Name for people."""
    step: str = ""
    """Name in a recipe's file."""

    def settings(self) -> dict[str, Any]:
        """Returns every setting by its name, defaults too."""
        return self.model_dump(exclude={"step"})


class CutOut(Step):
    """Separate the car from its background."""

    title: ClassVar[str] = "Cut out"
    step: Literal["cut_out"] = "cut_out"
    threshold: Annotated[float, Field(ge=0.01, le=0.99)] | None = None
    """Least probability that counts as car; empty takes the checkpoint's own."""
    keep_largest: bool = True
    """Keep only the largest car."""
    fill_holes: bool = False
    """Fill what the mask encloses, such as windows through which the background shows."""
    edge: Literal["soft", "hard"] = "soft"
    """soft estimates alpha and colours along the edge; hard takes the mask as it is."""


class Straighten(Step):
    """Turn the car upright.

    The angle is set by hand: in a mask alone, a tilted camera can't be told from perspective.
    """

    title: ClassVar[str] = "Straighten"
    step: Literal["straighten"] = "straighten"
    angle: Annotated[float, Field(ge=-15.0, le=15.0)] = 0.0
    """Degrees, clockwise."""


class Plate(Step):
    """Cover the number plate inside a box that is drawn by hand."""

    title: ClassVar[str] = "Cover the plate"
    step: Literal["plate"] = "plate"
    box: Annotated[tuple[Share, Share, Share, Share], Field(strict=False)] | None = None
    """Left, top, right and bottom as shares of the upright photo's width and height."""
    cover: Literal["blur", "colour", "picture"] = "blur"
    """blur averages it to a few cells, which can't be undone; colour fills it; picture puts a
    picture of your own, such as a logo, on the colour."""
    colour: Colour = "#E8E8E8"
    """Colour of the cover."""
    picture: PictureName = ""
    """Picture for the cover, such as a logo."""

    @model_validator(mode="after")
    def _fits(self) -> Plate:
        if self.box is not None and not (self.box[0] < self.box[2] and self.box[1] < self.box[3]):
            raise ValueError("box needs left < right and top < bottom")
        if self.cover == "picture" and not self.picture:
            raise ValueError("cover is picture, so picture needs a file or a data: URL")
        return self


class Place(Step):
    """Put the car into the frame; without this step it stays where the photo has it."""

    title: ClassVar[str] = "Place"
    step: Literal["place"] = "place"
    car_width: Annotated[float, Field(ge=0.05, le=1.0)] = 0.8
    """Width of the car as a share of the frame's; less where the car would not fit."""
    ground: Annotated[float, Field(ge=0.1, le=1.0)] = 0.82
    """Where the wheels stand, as a share of the frame's height from its top."""
    centre: Share = 0.5
    """Middle of the car, as a share of the frame's width from the left."""
    margin: Annotated[float, Field(ge=0.0, le=0.5)] = 0.04
    """Least space to the left, to the right and above, in widths of the car."""
    series: Literal["each", "camera", "height"] = "each"
    """each places every car by itself. camera moves all photos of a series alike: for a turntable
    or a camera that stands still. height gives all cars of a series one height: for photos taken
    by hand."""


class Background(Step):
    """What is behind the car; without this step it is transparent."""

    title: ClassVar[str] = "Background"
    step: Literal["background"] = "background"
    kind: Literal["transparent", "colour", "gradient", "picture", "room"] = "transparent"
    """transparent, one colour, a gradient from colour (top) to floor (bottom), a picture that
    fills the frame, or a room with a wall, a horizon and a floor."""
    colour: Colour = "#FFFFFF"
    """The colour, the top of a gradient, or the wall of a room."""
    floor: Colour = "#D9DCE0"
    """The bottom of a gradient, or the floor of a room."""
    horizon: Share = 0.62
    """Where a room's wall meets its floor, as a share of the frame's height from its top."""
    picture: PictureName = ""
    """The picture."""

    @model_validator(mode="after")
    def _fits(self) -> Background:
        if self.kind == "picture" and not self.picture:
            raise ValueError("kind is picture, so picture needs a file or a data: URL")
        return self


class Reflection(Step):
    """The car mirrored in the floor."""

    title: ClassVar[str] = "Reflection"
    step: Literal["reflection"] = "reflection"
    opacity: Share = 0.2
    """How strong it is where it begins."""
    height: Annotated[float, Field(ge=0.02, le=1.0)] = 0.35
    """How far down it reaches until it is gone, in heights of the car."""
    softness: Share = 0.1
    """How blurred it is: 1 is a tenth of the car's height."""


class Shadow(Step):
    """A soft shadow on the ground, and a dark line where the wheels touch it."""

    title: ClassVar[str] = "Shadow"
    step: Literal["shadow"] = "shadow"
    opacity: Share = 0.45
    """How dark the soft shadow is."""
    softness: Share = 0.35
    """How blurred it is: 1 is a fifth of the car's height."""
    direction: Annotated[float, Field(ge=0.0, le=360.0)] = 90.0
    """Where it falls, in degrees: 0 right, 90 towards the viewer, 180 left, 270 behind the car."""
    length: Share = 0.12
    """How far it falls, in heights of the car."""
    contact: Share = 0.7
    """How dark the ground is right under the wheels."""


class Output(Step):
    """Size and format of the file."""

    title: ClassVar[str] = "File"
    step: Literal["output"] = "output"
    width: Annotated[int, Field(ge=0, le=12_000)] = 0
    """Width in px; 0 follows the height and the photo's shape, or is the photo's own."""
    height: Annotated[int, Field(ge=0, le=12_000)] = 0
    """Height in px; 0 follows the width and the photo's shape, or is the photo's own."""
    format: Literal["png", "jpeg", "webp"] = "png"
    """png is exact, jpeg has no transparency, webp is the smallest."""
    quality: Annotated[int, Field(ge=1, le=100)] = 90
    """Of jpeg and webp: 100 is the best and the largest."""
    dpi: Annotated[int, Field(ge=1, le=2400)] = 72
    """Pixels per inch that the file names, for print; webp has no place for it."""
    most_mb: Annotated[float, Field(ge=0.0, le=1000.0)] = 0.0
    """Largest file in MB; the quality of jpeg and webp is lowered to keep it. 0 does not limit."""
    name: Annotated[str, Field(min_length=1, max_length=80)] = "{name}_listing"
    """The file's name without its ending: {name} is the photo's, {number} its place in the
    series, {recipe} the recipe's name."""

    @model_validator(mode="after")
    def _fits(self) -> Output:
        try:
            written = {self.name.format(name=name, number="1", recipe="r") for name in "ab"}
            several = len(written) == 2 or "{number}" in self.name
        except (KeyError, IndexError, ValueError, AttributeError):
            raise ValueError(
                f"name is {self.name!r}; it may hold {{name}}, {{number}} and {{recipe}}"
            ) from None
        if not several:
            raise ValueError(
                f"name is {self.name!r}; it needs {{name}} or {{number}}, or all photos would "
                "have one name"
            )
        return self

    @property
    def suffix(self) -> str:
        """The file's ending, with its dot."""
        return {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}[self.format]

    def frame(self, width: int, height: int) -> tuple[int, int]:
        """Returns (width, height) in px of the picture made of a photo of this size."""
        if self.width and self.height:
            return self.width, self.height
        if self.width:
            return self.width, max(1, round(self.width * height / width))
        if self.height:
            return max(1, round(self.height * width / height)), self.height
        return width, height


STEPS: dict[str, type[Step]] = {
    kind.model_fields["step"].default: kind
    for kind in (
        CutOut,
        Straighten,
        Plate,
        Place,
        Background,
        Reflection,
        Shadow,
        Output,
    )
}
"""Every step by its name, in the order in which they are done."""
