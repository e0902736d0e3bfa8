"""Anomalies: rows that are unlike the others, and why.

`detector` is the estimator, `scores` how a row is judged, `partners` who else may judge, `reasons`
what is said of a flagged row.
"""
