# %% [markdown]
# # Many fits as one program
#
# Searching, bootstrapping and cross-validating mean fitting one kind of network again and again.
# Under joblib's backend "fused" these fits are not done in turn: all networks that can share a
# compiled program train in it side by side, and each ends with the weights that it would have had
# alone. The code around them is scikit-learn's and does not change.
#
# Three such tasks follow, each beside scikit-learn's own perceptron. Scikit-learn fits a share of
# the networks; the time that all of them would take is reckoned from it. The page is run whenever
# the package is tested, and what the text says of the results is asserted beside it.

# %%
import os
import time
import warnings
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")

import joblib
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats
from sklearn import neural_network
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import (
    KFold,
    RandomizedSearchCV,
    RepeatedKFold,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import resample

from sklearn_cnn import HistoryDisplay, MLPRegressor, fit_many

PICTURES = Path("output") / "many_fits"
PICTURES.mkdir(parents=True, exist_ok=True)
# As many epochs as we ask for are meant.
warnings.simplefilter("ignore", ConvergenceWarning)


def seconds(work, *arguments, **settings):
    """What `work` returns, and the seconds that it took."""
    started = time.perf_counter()
    result = work(*arguments, **settings)
    return result, time.perf_counter() - started


def standardised(network):
    """A network that sees columns and target of mean 0 and variance 1."""
    return TransformedTargetRegressor(
        make_pipeline(StandardScaler(), network), transformer=StandardScaler()
    )


X, y = load_diabetes(return_X_y=True)
X, y = X.astype("float32"), y.astype("float32")
MLPRegressor(max_iter=1).fit(X[:20], y[:20] / 100)  # imports Keras: some seconds

# %% [markdown]
# ## 1. A search over 200 candidates
#
# The table has ten columns on 442 patients, and a measure of how diabetes went on a year later. A
# random search draws rate, penalty and momentum of a small network for 200 candidates, each
# cross-validated in three folds: 600 networks.

# %%
SPACE = {
    "regressor__mlpregressor__learning_rate_init": stats.loguniform(1e-3, 1e-1),
    "regressor__mlpregressor__alpha": stats.loguniform(1e-4, 1e1),
    "regressor__mlpregressor__beta_1": stats.uniform(0.5, 0.45),
}
SETTINGS = {"hidden_layer_sizes": (8,), "max_iter": 40, "batch_size": 32, "random_state": 0}


def search(network, n_iter):
    return RandomizedSearchCV(
        standardised(network), SPACE, n_iter=n_iter, cv=KFold(3), random_state=0, refit=False
    )


with joblib.parallel_config("fused"):
    fused, fused_seconds = seconds(search(MLPRegressor(**SETTINGS), 200).fit, X, y)
theirs, some_seconds = seconds(search(neural_network.MLPRegressor(**SETTINGS), 10).fit, X, y)
their_seconds = 20 * some_seconds

scores = fused.cv_results_["mean_test_score"]
print(
    f"600 networks: {fused_seconds:.1f} s, compiling included; scikit-learn {their_seconds:.0f} s"
)
print(f"best R2 {scores.max():.3f} of candidates between {scores.min():.3f} and {scores.max():.3f}")

# %% [markdown]
# The same candidates come first for both, because both draw the same numbers from the same seeds.

# %%
same = scores[:10]
assert np.allclose(same, theirs.cv_results_["mean_test_score"], atol=0.01)
assert scores.max() > 0.45

figure, axes = plt.subplots(figsize=(5, 3.5), layout="constrained")
rates = fused.cv_results_["param_regressor__mlpregressor__learning_rate_init"].astype(float)
alphas = fused.cv_results_["param_regressor__mlpregressor__alpha"].astype(float)
points = axes.scatter(rates, alphas, c=scores, vmin=0.3)
axes.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="alpha")
figure.colorbar(points, label="R2, mean of three folds")
figure.savefig(PICTURES / "candidates.png", dpi=120)

# %% [markdown]
# ## 2. A bootstrap of 200 replicates
#
# How sure is the effect of body mass on the prediction? Fit the best candidate to 200 samples drawn
# with replacement, predict along the body mass of a patient who is average otherwise, and take the
# 2.5th and the 97.5th percentile (Efron & Tibshirani, *An Introduction to the Bootstrap*, 1993,
# chapter 13). `fit_many` fits the replicates together.

# %%
N_REPLICATES = 200
best = {name.rsplit("__", 1)[1]: value for name, value in fused.best_params_.items()}
samples = [resample(X, y, random_state=seed) for seed in range(N_REPLICATES)]


def replicates(network_class, n):
    network = standardised(network_class(**SETTINGS | best))
    return [clone(network).set_params(regressor__mlpregressor__random_state=k) for k in range(n)]


tasks = [
    (network, *sample)
    for network, sample in zip(replicates(MLPRegressor, N_REPLICATES), samples, strict=True)
]
fitted, fused_seconds = seconds(fit_many, tasks)


def fit_each(networks):
    return [network.fit(*sample) for network, sample in zip(networks, samples, strict=False)]


theirs, some_seconds = seconds(fit_each, replicates(neural_network.MLPRegressor, 10))
print(f"200 replicates: {fused_seconds:.1f} s; scikit-learn {20 * some_seconds:.0f} s")

mass = np.linspace(*np.percentile(X[:, 2], [2, 98]), 40, dtype="float32")
patients = np.tile(X.mean(axis=0), (len(mass), 1))
patients[:, 2] = mass
curves = np.array([network.predict(patients) for network in fitted])
low, middle, high = np.percentile(curves, [2.5, 50, 97.5], axis=0)

# %% [markdown]
# The interval is narrow where patients are many, and the effect is beyond doubt: the lower end of
# the interval for heavy patients lies above the upper end for light ones.

# %%
assert np.allclose(curves[3], theirs[3].predict(patients), rtol=0.02)
assert low[-1] > high[0]

figure, axes = plt.subplots(figsize=(5, 3.5), layout="constrained")
axes.fill_between(mass, low, high, alpha=0.3, label="95 % percentile interval")
axes.plot(mass, middle, label="median of 200 replicates")
axes.locator_params(axis="x", nbins=6)
axes.set(xlabel="body mass index, standardised", ylabel="progression of diabetes")
axes.legend()
figure.savefig(PICTURES / "bootstrap.png", dpi=120)

# %% [markdown]
# ## 3. Is the network better than a linear model?
#
# Ten repetitions of ten-fold cross-validation give 100 differences of the two models' scores. They
# are no independent sample, because the training sets overlap; Nadeau & Bengio (*Machine Learning*
# 52, 2003) correct the variance of their mean: instead of 1/100 it is 1/100 + 1/9, the second
# term being the ratio of test rows to training rows.

# %%
FOLDS = RepeatedKFold(n_splits=10, n_repeats=10, random_state=0)
network = standardised(MLPRegressor(**SETTINGS | best))
with joblib.parallel_config("fused"):
    found, fused_seconds = seconds(cross_validate, network, X, y, cv=FOLDS, return_estimator=True)
their_network = standardised(neural_network.MLPRegressor(**SETTINGS | best))
_, some_seconds = seconds(cross_val_score, their_network, X, y, cv=KFold(10))
print(f"100 networks: {fused_seconds:.1f} s; scikit-learn {10 * some_seconds:.0f} s")

differences = found["test_score"] - cross_val_score(LinearRegression(), X, y, cv=FOLDS)
n = len(differences)
error = np.sqrt((1 / n + 1 / 9) * differences.var(ddof=1))
t = differences.mean() / error
p = 2 * stats.t.sf(abs(t), n - 1)
naive = stats.ttest_1samp(differences, 0.0)
print(f"network minus linear model, R2: {differences.mean():+.4f}, corrected t {t:.2f}, p {p:.2f}")
print(f"the t-test that takes them for independent: t {naive.statistic:.2f}, p {naive.pvalue:.4f}")

# %% [markdown]
# On this table nothing speaks for the network: the corrected test finds no difference. That is
# the common case on small tables, and a reason to look before one believes in a network.

# %%
assert p > 0.05
assert abs(naive.statistic) > 2 * abs(t)

figure, axes = plt.subplots(figsize=(5, 3.5), layout="constrained")
axes.hist(differences, bins=20)
axes.axvline(0.0, color="black", linewidth=1)
axes.locator_params(axis="x", nbins=6)
axes.set(xlabel="R2 of the network minus R2 of the linear model", ylabel="folds")
figure.savefig(PICTURES / "differences.png", dpi=120)

# %% [markdown]
# Each of the networks has its own history, as if it had been fitted alone.

# %%
networks = [estimator.regressor_[-1] for estimator in found["estimator"]]
assert {network.n_iter_ for network in networks} != {0}
display = HistoryDisplay.from_estimator(networks[0])
display.figure_.savefig(PICTURES / "history.png", dpi=120)

figure, axes = plt.subplots(figsize=(5, 3.5), layout="constrained")
for network in networks:
    axes.plot(network.loss_curve_, color="tab:blue", alpha=0.15)
axes.set(xlabel="epoch", ylabel="loss of each of 100 networks", ylim=(0, 1))
figure.savefig(PICTURES / "histories.png", dpi=120)
