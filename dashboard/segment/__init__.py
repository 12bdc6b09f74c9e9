"""The Segment page: photos in, masks and cut-outs out."""
