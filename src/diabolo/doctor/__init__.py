"""The doctor: from a trained module and some rows to findings, each with a remedy.

It knows modules, columns and histories and no estimators, so that these can carry what it found.
"""
