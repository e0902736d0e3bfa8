"""Every test in this folder that asks for `name` or `make` runs for every family."""

from each_family import context as context
from each_family import digits as digits
from each_family import labels as labels
from each_family import make as make
from each_family import name as name
from each_family import rows as rows
