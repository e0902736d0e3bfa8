"""One file a paper; the order is that of the list."""

from diabolo.records.papers.burda import BURDA_2016
from diabolo.records.papers.goodfellow import GOODFELLOW_2014, MAKHZANI_2015
from diabolo.records.papers.gpu import GPU_RECORDS
from diabolo.records.papers.han import HAN_2022
from diabolo.records.papers.hinton import HINTON_2006
from diabolo.records.papers.masci import MASCI_2011
from diabolo.records.papers.ng import SELF_TAUGHT, STACKED
from diabolo.records.papers.rifai import RIFAI_2011
from diabolo.records.papers.sainburg import SAINBURG_2021
from diabolo.records.papers.townsend import TOWNSEND_2019
from diabolo.records.papers.vincent import VINCENT_2010
from diabolo.records.papers.xie import XIE_2016
from diabolo.records.record import Record

ALL: tuple[Record, ...] = (
    HINTON_2006,
    SELF_TAUGHT,
    STACKED,
    VINCENT_2010,
    BURDA_2016,
    SAINBURG_2021,
    RIFAI_2011,
    MASCI_2011,
    XIE_2016,
    HAN_2022,
    TOWNSEND_2019,
    GOODFELLOW_2014,
    MAKHZANI_2015,
    *GPU_RECORDS,
)
RECORDS: dict[str, Record] = {record.id: record for record in ALL}
