"""
Which cells do not fit
======================

A pump with eight sensors, whose readings follow from load and warmth, which nobody measures. Now
and then one sensor shows what it showed at another time: no value is unusual, but it does not go
with the others. The detector flags moments and names sensors.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from diabolo import AnomalyDetector, DenoisingAutoencoder

random = np.random.default_rng(0)
time = np.arange(600)
load = np.sin(time / 23) + 0.6 * np.sin(time / 7 + 1)
warmth = np.convolve(load, np.exp(-np.arange(60) / 20), "full")[:600] / 10
sensors = {
    "flow": load,
    "pressure": load**2 / 2 - 0.4 * load,
    "current": np.exp(0.5 * load),
    "speed": np.tanh(1.5 * load),
    "bearing": warmth,
    "coolant": 0.6 * warmth + 0.3 * load,
    "oil": np.exp(-0.8 * warmth),
    "noise": load * warmth,
}
names = list(sensors)
clean = np.stack([values / values.std() for values in sensors.values()], axis=1)
clean += 0.08 * random.normal(size=clean.shape)

# %%
# Twelve faults in 600 moments.

readings, faults = clean.copy(), {}
for moment in random.choice(600, 12, replace=False):
    sensor = random.integers(8)
    elsewhere = np.flatnonzero(np.abs(clean[:, sensor] - clean[moment, sensor]) > 1)
    readings[moment, sensor] = clean[random.choice(elsewhere), sensor]
    faults[moment] = sensor
is_faulty = np.isin(time, list(faults))

# %%
# By default the detector also asks whether values are usual by themselves, and finds most of the
# faults. Here only their going together counts, so its model learns just that: to repair rows in
# which cells were exchanged.

repairer = DenoisingAutoencoder(
    n_components=16,
    hidden_layer_sizes=(128, 128),
    noise="swap",
    level=0.35,
    emphasis=0.9,
    max_epochs=300,
    n_iter_no_change=60,
)
detector = AnomalyDetector(estimator=repairer, contamination=0.02, random_state=0, n_threads=1)
others = {
    "by default": AnomalyDetector(contamination=0.02, random_state=0, n_threads=1),
    "isolation forest": IsolationForest(contamination=0.02, random_state=0),
}
for name, model in {"repairer": detector, **others}.items():
    strange = -model.fit(readings).score_samples(readings)
    found = np.sum(is_faulty & (model.predict(readings) == -1))
    print(f"{name:17} {found:2} of 12, area {roc_auc_score(is_faulty, strange):.3f}")

# %%

findings = detector.explain(readings, most=1)
named = {one.row: one.reasons[0] for one in findings if one.reasons}
places = {moment: int(reason.column.removeprefix("x")) for moment, reason in named.items()}
right = sum(places.get(moment) == sensor for moment, sensor in faults.items())
print(f"the faulty sensor is named in {right} of 12")

# %%
# Rings: the reading that the detector points at. Dots: what it expected there.

fig, ax = plt.subplots(figsize=(9, 6.5))
lifted = readings + 6 * np.arange(8, 0, -1)
ax.plot(time, lifted, lw=0.8, color="0.35")
ax.set(xlim=(-75, 605), ylim=(3, 53))
for sensor, name in enumerate(names):
    ax.text(-10, lifted[:20, sensor].mean(), name, ha="right", va="center")
for moment, sensor in places.items():
    up = 6 * (8 - sensor)
    ax.plot(moment, named[moment].seen + up, "o", ms=9, mfc="none", mec="tab:red", mew=1.5)
    ax.plot(moment, named[moment].expected + up, ".", color="tab:blue", ms=7)
ax.set_axis_off()
plt.show()
