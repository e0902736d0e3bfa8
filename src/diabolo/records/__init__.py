"""Records: the papers' tables, run again by one command.

    record = RECORDS["hinton2006"]
    result = reproduce(record, quick=True, report=print)

A record is plain data (`diabolo.records.record`): paper, table, data with checksums, metric, arms,
published figures with their provenance, thresholds, budget. The runner (`diabolo.records.run`)
first recomputes figures that need no training, and compares nothing where one is off.
"""

from diabolo.records.papers import RECORDS
from diabolo.records.record import Record
from diabolo.records.run import choose, reproduce

__all__ = ["RECORDS", "Record", "choose", "reproduce"]
