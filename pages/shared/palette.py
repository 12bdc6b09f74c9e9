"""The colours of those that are compared, under the name that they had."""

from training.comparison.palette import colour_of as colour_of
