"""One file a paper; the order is that of the list."""

from diabolo.records.papers.burda import BURDA_2016
from diabolo.records.papers.hinton import HINTON_2006
from diabolo.records.papers.ng import SELF_TAUGHT, STACKED
from diabolo.records.papers.vincent import VINCENT_2010
from diabolo.records.record import Record

RECORDS: dict[str, Record] = {
    record.id: record for record in (HINTON_2006, SELF_TAUGHT, STACKED, VINCENT_2010, BURDA_2016)
}
