"""What a request may say and what an answer holds: the code and the OpenAPI document read these."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.cutout import Edge
from core.masks import MaskSettings

Name = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Query(BaseModel):
    """The settings that every request for a mask may bring in its URL."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    checkpoint: Name = Field("", description="A name of GET /api/v1/checkpoints; default: the best")
    fallback: Name = Field(
        "",
        description="The checkpoint that predicts where the first one is uncertain, or none; "
        "default: the best one's own fallback, and none where a checkpoint is named",
    )
    threshold: Share | None = Field(
        None, description="Least probability that counts as car; default: the checkpoint's own"
    )
    keep_largest: bool = Field(False, description="Keep the largest part of the mask only")
    fill_holes: bool = Field(False, description="Fill what the mask encloses")
    min_area: Share = Field(0.0, description="Remove parts below this share of the photo")

    edge: Edge = Field("soft", description="Edge of a cut-out")

    def settings(self, threshold: float) -> MaskSettings:
        """Returns the settings of a mask; `threshold` is the checkpoint's own."""
        chosen = threshold if self.threshold is None else self.threshold
        return MaskSettings(chosen, self.keep_largest, self.fill_holes, self.min_area)


class SegmentQuery(Query):
    """The URL of POST /api/v1/segment."""

    output: Literal["json", "mask", "cutout", "picture"] = Field(
        "json",
        description="JSON with the mask as COCO RLE, a PNG, or the finished picture of a recipe",
    )
    recipe: Name = Field(
        "",
        description="A name of GET /api/v1/recipes, for output=picture, unless the form has a "
        "recipe; it decides how the mask is cleaned, so settings of the mask do not go with it",
    )

    @model_validator(mode="after")
    def _goes_together(self) -> SegmentQuery:
        if self.recipe and self.output != "picture":
            raise ValueError("recipe=NAME goes with output=picture")
        if self.output == "picture" and (given := _OF_MASKS & self.model_fields_set):
            raise ValueError(f"a recipe decides {min(given)} itself; leave it away")
        return self


_OF_MASKS = frozenset(Query.model_fields) - {"checkpoint", "fallback"}


class BatchQuery(Query):
    """The URL of POST /api/v1/batch."""

    output: Literal["json", "zip"] = Field(
        "json", description="A list of answers, or a ZIP of PNG files with results.csv"
    )
    cutout: bool = Field(False, description="The ZIP holds cut-outs beside the masks")


class Rle(BaseModel):
    """A mask in COCO's compressed run-length encoding; pycocotools.mask.decode reads it."""

    size: tuple[int, int] = Field(description="Height and width in px")
    counts: str


class Facts(BaseModel):
    """What is known of one photo's mask."""

    name: str = Field(description="The photo's name as it came, or photo")
    width: int = Field(description="Upright width in px")
    height: int = Field(description="Upright height in px")
    car_share: float = Field(ge=0, le=1, description="Share of the photo that the mask covers")
    uncertainty: float | None = Field(description="Of the prediction, 0 to 1")
    advice: str = Field(description="What to know before relying on the mask; often empty")
    checkpoint: str = Field(description="The network that the mask is of")
    edited: bool = Field(description="Whether a person edited the mask and accepted it")
    note: str = Field(description="What was guessed when the photo was read; often empty")
    seconds: float = Field(description="Time of the prediction alone")


class Segmented(Facts):
    """One photo's answer."""

    mask: Rle


class Failed(BaseModel):
    """A photo of a batch that has no answer."""

    name: str
    error: str


class Batch(BaseModel):
    """The answers of a batch, in the order of its photos."""

    photos: list[Segmented | Failed]
    left_out: list[str] = Field(description="What was found in ZIPs but is no photo, and why")


class Checkpoint(BaseModel):
    """One checkpoint that can be named."""

    name: str
    title: str
    dice: float | None = Field(
        description="Mean Dice on its own validation images, single pass, by its training"
    )
    split: Literal["clean", "leaky", "unknown"] = Field(
        description="Whether those images are of cars that it was not trained on"
    )
    threshold: float
    size: int = Field(description="Side of the network's grid in px")


class Checkpoints(BaseModel):
    """All of them, the best first."""

    checkpoints: list[Checkpoint]


class Recipe(BaseModel):
    """A recipe of finished pictures."""

    name: str
    note: str = Field(description="What it is for, and which source it rests on")


class Recipes(BaseModel):
    """All that a request can name."""

    recipes: list[Recipe]


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it; media type application/problem+json."""

    status: int
    title: str
    detail: str
