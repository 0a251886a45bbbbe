"""Plotly figures: empty and styled, filled by the stream."""
