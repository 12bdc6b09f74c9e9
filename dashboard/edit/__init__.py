"""The mask editor, for every page that shows a photo with its mask."""
