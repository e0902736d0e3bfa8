"""One file a paper; the order is that of the list."""

from diabolo.records.papers.hinton import HINTON_2006
from diabolo.records.record import Record

RECORDS: dict[str, Record] = {record.id: record for record in (HINTON_2006,)}
