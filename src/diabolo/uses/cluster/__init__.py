"""Clusters: kinds of rows that nobody named."""

from diabolo.uses.cluster.clusterer import DeepClusterer as DeepClusterer
from diabolo.uses.cluster.clusterer import Report as Report
