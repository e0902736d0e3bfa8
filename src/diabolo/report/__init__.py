"""Reports: what was learned, as pages that one can look at, keep and send."""
