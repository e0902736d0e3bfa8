"""What single code units do over many rows; see `diabolo.doctor.units`."""

from diabolo.doctor.units import Use as Use
from diabolo.doctor.units import active_units as active_units
from diabolo.doctor.units import use_of_bounded as use_of_bounded
from diabolo.doctor.units import use_of_thresholded as use_of_thresholded
