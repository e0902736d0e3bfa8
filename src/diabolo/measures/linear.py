"""PCA as the yardstick; see `diabolo.doctor.linear`."""

from diabolo.doctor.linear import fitted_pca as fitted_pca
from diabolo.doctor.linear import squared_errors as squared_errors
