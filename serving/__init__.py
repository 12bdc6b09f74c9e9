"""Carmask as a service: an HTTP API, alone or beside the dashboard, and a watched folder."""
