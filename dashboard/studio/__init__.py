"""The Studio page: photos of cars become finished listing photos."""
