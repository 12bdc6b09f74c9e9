"""From a mask to a finished listing photo: a recipe of named steps, and what carries it out."""
