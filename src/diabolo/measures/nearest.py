"""Euclidean distances between many rows; see `diabolo.doctor.nearest`."""

from diabolo.doctor.nearest import nearest as nearest
from diabolo.doctor.nearest import radii as radii
from diabolo.doctor.nearest import squared_distances as squared_distances
