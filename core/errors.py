"""The errors that a person can meet; each message says what came, what is needed and what to do."""

_LISTED = 8  # values of a mask that a message names


class CarmaskError(Exception):
    """Base of every error that Carmask raises on purpose."""


class ImageError(CarmaskError):
    """A photo can't be read, or its size is outside the limits."""


class MaskError(CarmaskError):
    """A mask can't be read, or does not belong to its photo."""


class UnclearMaskError(MaskError):
    """A mask holds values of which none is plainly the car."""

    def __init__(self, message: str, values: tuple[tuple[str, float], ...] = ()) -> None:
        """Takes the message, and each value as `MaskClasses` reads it with its share in (0, 1]."""
        super().__init__(message)
        self.values = values

    @property
    def found(self) -> str:
        """The values in words, the largest ones with their shares."""
        largest = sorted(self.values, key=lambda pair: -pair[1])[:_LISTED]
        names = [f"{name} ({share:.1%})" for name, share in self.values if (name, share) in largest]
        more = len(self.values) - len(names)
        rest = f" and {more} more values" if more else ""
        return "; ".join(names) + rest if names else "no two plain levels"


class EditError(CarmaskError):
    """A stored edit of a mask can't be read, written, or does not belong to its photo."""


class EditConflictError(EditError):
    """Somebody else changed the same edit, or accepted another one of the same photo."""


class ArchiveError(CarmaskError):
    """A ZIP can't be opened, or what is in it is unsafe."""


class CheckpointError(CarmaskError):
    """A checkpoint file is foreign, damaged, or does not fit the network."""


class DataError(CarmaskError):
    """A data folder does not hold what a training or an evaluation needs."""


class ConfigError(CarmaskError):
    """A setting is outside its range, or two settings exclude each other."""


class RunError(CarmaskError):
    """A run's folder can't be used: it is taken, unfinished, damaged or missing."""


class DivergedError(RunError):
    """A training's loss became infinite or NaN."""


class ShortMemoryError(RunError):
    """A training's step does not fit into the memory."""


class DeviceError(CarmaskError):
    """The device asked for is not on this machine."""


def reason(error: Exception) -> str:
    """Return why something failed, in a library's or the system's words, for a message.

    Nothing of a file's content is in it where that is no text.
    """
    if isinstance(error, UnicodeDecodeError):
        return "it is no text in UTF-8"
    text: str | None = getattr(error, "strerror", None)  # without the number before it
    return text or str(error) or type(error).__name__
