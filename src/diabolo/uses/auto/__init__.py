"""Pick for me: family, code size, width, noise and penalties, within a budget of time.

Candidates are drawn at random, the default among them; all get a short training, the better third
three times as much, and so on (successive halving, Jamieson & Talwalkar 2016, "Non-stochastic best
arm identification and hyperparameter optimization"). They are judged on rows that none of them saw:

    compress            nats to tell a row, code and residual (`measures.description`)
    reduce              squared error of the rebuilt row; the code size is given
    cluster             modularity of the clusters in the graph of nearest neighbours
    detect              agreement with the mean ranking of all candidates and an isolation forest:
                        the loss does not tell which detector is best, the crowd does better

The default is in every round, and another one has to beat it beyond chance, row by row.

`choosing` is the way in, `proposals` says what is tried, `judges` how it is judged, and `search`
spends the time.
"""

from diabolo.uses.auto.choosing import choose as choose
from diabolo.uses.auto.trials import PURPOSES as PURPOSES
from diabolo.uses.auto.trials import Choice as Choice
