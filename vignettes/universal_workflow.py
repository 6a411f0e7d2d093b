# %% [markdown]
# # The universal workflow of deep learning, on real data
#
# Chollet and Allaire describe in *Deep Learning with R* one way of working that serves nearly every
# task: a baseline, a network that does better, a network that overfits, then regularisation and a
# search, and at the very end one look at the test data. This page goes that way with scikit-learn's
# tools around networks of `sklearn_cnn`. Then it reads handwritten digits with a convolutional
# network, and writes them down in two numbers with an autoencoder.
#
# The page is a script that is run whenever the package is tested. What the text says of the results
# is asserted beside it, so that it stays true.

# %%
import os
import warnings
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_diabetes, load_digits
from sklearn.decomposition import PCA
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    LearningCurveDisplay,
    cross_val_score,
    train_test_split,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_cnn import (
    Autoencoder,
    CNNClassifier,
    FeatureMapsDisplay,
    FiltersDisplay,
    HistoryDisplay,
    MLPClassifier,
    MLPRegressor,
    ReconstructionDisplay,
)

PICTURES = Path("output") / "universal_workflow"
PICTURES.mkdir(parents=True, exist_ok=True)
# As many epochs as we ask for are meant; that training might go on need not be said each time.
warnings.simplefilter("ignore", ConvergenceWarning)

# %% [markdown]
# ## 1. The task and the measure
#
# 442 patients with diabetes; nine numbers and their sex are known, the progression of the disease
# after one year (a number between 25 and 346) is to be predicted. Errors are measured as people
# speak of them: by how many points is a prediction off on average? That is the mean absolute error.
#
# A quarter of the patients is put aside as test data and not looked at before the end. All choices
# are made by cross-validation on the others.

# %%
X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X["sex"] = X["sex"].map({1.0: "A", 2.0: "B"})  # a category, though it came as a number
train, test, y_train, y_test = train_test_split(X, y, random_state=0)
folds = KFold(5, shuffle=True, random_state=0)
print(train.describe(include="all").loc[["mean", "std"]].round(1).to_string())


def error(model):
    """Mean absolute error in cross-validation on the training rows."""
    return -cross_val_score(
        model, train, y_train, cv=folds, scoring="neg_mean_absolute_error"
    ).mean()


# %% [markdown]
# ## 2. A baseline
#
# Whoever always says the mean is off by 68 points. Linear regression is off by 44. A network that
# cannot beat the first has learned nothing; one that does not come near the second is not worth
# its electricity.

# %%
scaled = make_column_transformer(
    (OneHotEncoder(drop="if_binary"), ["sex"]), remainder=StandardScaler()
)
mean_error = error(DummyRegressor())
linear_error = error(make_pipeline(scaled, LinearRegression()))
print(f"the mean: {mean_error:.1f}   linear regression: {linear_error:.1f}")
assert round(mean_error) == 68
assert round(linear_error) == 44

# %% [markdown]
# ## 3. Standardise
#
# A network begins with small random weights and changes them by small steps. It expects inputs
# and targets around zero, of size one. The same small network, trained for 100 epochs, on columns
# and targets as they are, on standardised columns, and with the target standardised too
# (`TransformedTargetRegressor` does so, and scales the predictions back):

# %%
unscaled = make_column_transformer(
    (OneHotEncoder(drop="if_binary"), ["sex"]), remainder="passthrough"
)
small = MLPRegressor(
    hidden_layer_sizes=(16,),
    batch_size=32,
    max_iter=100,
    n_iter_no_change=100,
    metrics="mae",
    random_state=0,
)


def with_scaled_target(network):
    return TransformedTargetRegressor(network, transformer=StandardScaler())


errors = {
    "as they are": error(make_pipeline(unscaled, small)),
    "columns standardised": error(make_pipeline(scaled, small)),
    "target too": error(make_pipeline(scaled, with_scaled_target(small))),
}
print(pd.Series(errors).round(1).to_string())

# %% [markdown]
# Standardising the columns alone is worst: with inputs of size one, so small steps do not reach
# targets around 150 in 100 epochs. With both standardised the same network is as good as linear
# regression, within a point or so.

# %%
assert errors["columns standardised"] > mean_error
assert errors["as they are"] > errors["target too"]
assert abs(errors["target too"] - linear_error) < 2

# %% [markdown]
# ## 4. A network that overfits
#
# Is the network large enough to learn all there is in these data? One knows when it learns more
# than that: when it does well on the rows that it sees and ever worse on others. So we make it far
# too large, train it for long, and watch both losses. Validation data are handed to `fit` as
# `X_val` and `y_val`.

# %%
seen, unseen, y_seen, y_unseen = train_test_split(train, y_train, random_state=1)
scaler = StandardScaler().fit(y_seen.to_frame())
z_seen, z_unseen = (scaler.transform(part.to_frame()).ravel() for part in (y_seen, y_unseen))
columns = clone(scaled).fit(seen)
validation = {"X_val": columns.transform(unseen), "y_val": z_unseen}

large = clone(small).set_params(
    hidden_layer_sizes=(128, 128), max_iter=300, n_iter_no_change=300, monitor="loss"
)
large.fit(columns.transform(seen), z_seen, **validation)
display = HistoryDisplay.from_estimator(large)
display.figure_.suptitle("A network that is too large")
display.figure_.savefig(PICTURES / "overfitting.png")

losses = large.history_
print(f"training loss at the end {losses['loss'][-1]:.3f}")
print(f"validation loss at the end {losses['val_loss'][-1]:.3f}")
print(f"validation loss after epoch {display.best_epoch}: {min(losses['val_loss']):.3f}")

# %% [markdown]
# It does: at the end it knows the training rows by heart, while the validation loss, lowest within
# the first 30 epochs, has risen by more than a quarter since. Where validation data are given, the
# weights of the best epoch are kept; the dotted line marks it.

# %%
assert losses["loss"][-1] < 0.02
assert display.best_epoch < 30
assert losses["val_loss"][-1] > 1.25 * min(losses["val_loss"])

# %% [markdown]
# ## 5. Regularise
#
# Four remedies for the large network: a penalty on the squares of its weights (`alpha`), silencing
# half of its units at each step (`dropout`), both, and a smaller network. What is compared is the
# loss **after** 300 epochs: who is well regularised can be trained for long without harm.

# %%
remedies = {
    "nothing": {},
    "alpha=1": {"alpha": 1.0},
    "dropout=0.5": {"dropout": 0.5},
    "both": {"alpha": 1.0, "dropout": 0.5},
    "4 units": {"hidden_layer_sizes": (4,)},
}
rows, figure_and_axes = {}, plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
for name, settings in remedies.items():
    network = clone(large).set_params(**settings)
    losses = network.fit(columns.transform(seen), z_seen, **validation).history_
    rows[name] = {
        "best": min(losses["val_loss"]),
        "after 300 epochs": losses["val_loss"][-1],
        "absolute error then": losses["val_mae"][-1] * scaler.scale_[0],
    }
    figure_and_axes[1][0].plot(losses["mae"], label=name)
    figure_and_axes[1][1].plot(losses["val_mae"], label=name)
figure_and_axes[1][0].set(xlabel="epoch", ylabel="mean absolute error", title="training")
figure_and_axes[1][1].set(xlabel="epoch", title="validation", ylim=(0.4, 0.8))
figure_and_axes[1][1].legend()
figure_and_axes[0].savefig(PICTURES / "remedies.png")
remedied = pd.DataFrame(rows).T
print(remedied.round(3).to_string())

# %% [markdown]
# Every remedy leaves a lower loss after 300 epochs than none. Which of them, and how much of it, is
# a question for a search.

# %%
after = remedied["after 300 epochs"]
assert (after.drop("nothing") < after["nothing"]).all()

# %% [markdown]
# ## 6. A grid search in a pipeline
#
# Encoding of categories, standardising, the network and the scaling of its target are one model,
# and each fold learns all of it from its own training rows. Every setting of the network is a
# constructor argument, so the search reaches it by scikit-learn's double underscores.

# %%
model = make_pipeline(scaled, with_scaled_target(clone(small).set_params(metrics=None)))
prefix = "transformedtargetregressor__regressor__"
grid = {
    f"{prefix}hidden_layer_sizes": [(4,), (16,), (64, 64)],
    f"{prefix}alpha": [0.01, 0.3, 1.0],
    f"{prefix}dropout": [0.0, 0.3],
}
search = GridSearchCV(model, grid, cv=folds, scoring="neg_mean_absolute_error")
search.fit(train, y_train)
results = pd.DataFrame(search.cv_results_)
table = results[[f"param_{name}" for name in grid]].copy()
table.columns = ["units", "alpha", "dropout"]
table["error"] = -results["mean_test_score"]
table["spread"] = results["std_test_score"]
print(table.sort_values("error").round(2).to_string(index=False))

# %% [markdown]
# The best of the 18 networks does better than linear regression, by a point or so. The best and the
# fifth differ by less than the folds among themselves: any of them would do, and it would be vain
# to go on searching for the last tenth of a point.

# %%
table = table.sort_values("error", ignore_index=True)
assert table["error"][0] < linear_error - 0.5
assert table["error"][4] - table["error"][0] < table["spread"][0]

# %% [markdown]
# ## 7. Would more data help?
#
# Learning curves: the error on the rows that were trained on, and on others, by their number.

# %%
figure, axes = plt.subplots(layout="constrained")
curves = LearningCurveDisplay.from_estimator(
    search.best_estimator_,
    train,
    y_train,
    train_sizes=[0.2, 0.4, 0.7, 1.0],
    cv=folds,
    scoring="neg_mean_absolute_error",
    negate_score=True,
    score_name="mean absolute error",
    ax=axes,
)
figure.savefig(PICTURES / "learning_curves.png")
own, others = -curves.train_scores.mean(axis=1), -curves.test_scores.mean(axis=1)
print("rows         ", *curves.train_sizes)
print("error on own ", *own.round(1))
print("and on others", *others.round(1))

# %% [markdown]
# With every step the network does worse on the rows that it has seen, because it can no longer know
# them all by heart, and better on others, which is what counts. The two have not met yet: more
# patients would help.

# %%
assert (np.diff(own) > 0).all()
assert (np.diff(others) < 0).all()
assert others[-1] - own[-1] > 5

# %% [markdown]
# ## 8. The test score, once
#
# All choices are made; `search` has fitted the chosen model on all training rows.

# %%
test_error = mean_absolute_error(y_test, search.predict(test))
always_the_mean = mean_absolute_error(y_test, np.full(len(y_test), y_train.mean()))
print(f"test error {test_error:.1f} points; always the mean: {always_the_mean:.1f}")
assert test_error < 0.8 * always_the_mean

# %% [markdown]
# ## Pictures: digits with a convolutional network
#
# 1797 handwritten digits of 8x8 pixels. `CNNClassifier` takes pictures as an array of shape
# (n, height, width), or flat rows with `input_shape=(8, 8, 1)`. Beside it a perceptron, which does
# not know which pixels are neighbours.

# %%
digits = load_digits()
pictures = (digits.images / 16).astype("float32")
train, test, y_train, y_test = train_test_split(
    pictures, digits.target, stratify=digits.target, random_state=0
)
cnn = CNNClassifier(
    dropout=0.3, batch_size=32, max_iter=30, early_stopping=True, metrics="accuracy", random_state=0
)
cnn.fit(train, y_train)
perceptron = MLPClassifier((100,), batch_size=32, max_iter=30, early_stopping=True, random_state=0)
perceptron.fit(train.reshape(-1, 64), y_train)
cnn_accuracy = cnn.score(test, y_test)
print(f"CNN {cnn_accuracy:.3f}, MLP {perceptron.score(test.reshape(-1, 64), y_test):.3f}")
assert cnn_accuracy > perceptron.score(test.reshape(-1, 64), y_test)
assert cnn_accuracy > 0.97

HistoryDisplay.from_estimator(cnn).figure_.savefig(PICTURES / "digits_history.png")

# %% [markdown]
# What did the convolutions learn? Each of the 32 filters of the first layer is a picture of 3x3
# weights, from black (negative) to white (positive): some are bright on one side and dark on the
# other, which finds edges. The 64 filters of the second layer look at the 32 maps of the first; a
# part of them is drawn.

# %%
FiltersDisplay.from_estimator(cnn).figure_.savefig(PICTURES / "digits_filters.png")

# %% [markdown]
# And how do they see a digit? A map is bright where its filter found what it looks for.

# %%
FeatureMapsDisplay.from_estimator(cnn, test).figure_.savefig(PICTURES / "digits_maps.png")

# %% [markdown]
# ## A code of two numbers
#
# An autoencoder sends each digit through a layer of two units and learns to rebuild it from them.
# Principal components do the same with straight lines. The codes of the digits that neither has
# seen, coloured by digit (which neither was told):

# %%
rows = pictures.reshape(-1, 64)
train, test, y_train, y_test = train_test_split(
    rows, digits.target, test_size=0.5, stratify=digits.target, random_state=0
)
autoencoder = Autoencoder(
    n_components=2,
    hidden_layer_sizes=(64, 128, 64),
    activation="tanh",
    batch_size=32,
    max_iter=250,
    random_state=0,
)
models = {"principal components": PCA(2), "autoencoder": autoencoder}
figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
summary = {}
for panel, (name, model) in zip(axes, models.items(), strict=True):
    codes = model.fit(train).transform(test)
    neighbours = KNeighborsClassifier(5).fit(model.transform(train), y_train)
    summary[name] = {
        "mean squared error": ((test - model.inverse_transform(codes)) ** 2).mean(),
        "accuracy of 5 neighbours": neighbours.score(codes, y_test),
    }
    points = panel.scatter(*codes.T, c=y_test, cmap="tab10", vmin=-0.5, vmax=9.5, s=8)
    for digit in range(10):
        middle = np.median(codes[y_test == digit], axis=0)
        panel.annotate(str(digit), middle, weight="bold", bbox={"fc": "w", "alpha": 0.7})
    panel.set(title=name, xlabel="first number", ylabel="second number")
figure.colorbar(points, ax=axes, label="digit", ticks=range(10))
figure.savefig(PICTURES / "digits_codes.png")
summary = pd.DataFrame(summary).T
print(summary.round(4).to_string())

# %% [markdown]
# The autoencoder keeps more: its error is lower by a quarter at least, and a digit's five nearest
# neighbours in its plane tell which digit it is in three of four cases or more, against three of
# five for principal components.

# %%
pca, auto = summary.loc["principal components"], summary.loc["autoencoder"]
assert auto["mean squared error"] < 0.75 * pca["mean squared error"]
assert auto["accuracy of 5 neighbours"] > 0.75
assert 0.55 < pca["accuracy of 5 neighbours"] < 0.65

ReconstructionDisplay.from_estimator(autoencoder, test, input_shape=(8, 8, 1)).figure_.savefig(
    PICTURES / "digits_rebuilt.png"
)
print("Pictures:", *sorted(path.name for path in PICTURES.iterdir()))
