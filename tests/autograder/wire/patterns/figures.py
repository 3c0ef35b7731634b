# ruff: noqa
# %% [markdown]
# # Figures
# matplotlib.

# %% [markdown]
# ## axes-inspected
# A figure and its axes, returned and inspected.

# %% right
import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt


def plot_losses(losses):
    fig, ax = plt.subplots()
    ax.plot(losses, label="loss")
    ax.set_xlabel("step")
    ax.set_ylabel("loss")
    ax.legend()
    ax.set_title("Losses")
    return fig, ax


# %% wrong
import matplotlib.pyplot as plt


def plot_losses(losses):
    fig, ax = plt.subplots()
    ax.plot(losses[::-1])
    return fig, ax


# %% test
fig, ax = plot_losses([3, 2, 1])
line = ax.lines[0]
assert ax.get_xlabel() == "step"
assert line.get_ydata().tolist() == [3, 2, 1]
assert len(ax.lines) == 1
assert ax.get_title() == "Losses"
assert ax.get_legend() is not None
assert [t.get_text() for t in ax.get_legend().get_texts()] == ["loss"]
assert len(fig.axes) == 1
assert fig.axes[0] is ax
import matplotlib.pyplot as plt

plt.close(fig)

# %% [markdown]
# ## plt-gcf-global-state
# A figure that pyplot holds.

# %% right
import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt


def draw():
    plt.figure()
    plt.plot([1, 2])
    plt.title("t")


# %% wrong
import matplotlib.pyplot as plt


def draw():
    plt.figure()


# %% test
import matplotlib.pyplot as plt

draw()
assert plt.gca().get_title() == "t" and len(plt.gca().lines) == 1
plt.close("all")

# %% [markdown]
# ## axes-made-by-the-test
# The test makes the axes, the student draws on them.

# %% setup
import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np


# %% right
def draw_path(ax, path):
    path = np.asarray(path)
    ax.plot(path[:, 0], path[:, 1], "o-", color="C1", label="path")
    ax.set_aspect("equal")


# %% wrong
def draw_path(ax, path):
    path = np.asarray(path)
    ax.plot(path[:, 1], path[:, 0], "o-", color="C1")


# %% test
fig, axes = plt.subplots(1, 2)
draw_path(axes[0], [(0, 0), (1, 2), (3, 3)])
(line,) = axes[0].lines
np.testing.assert_allclose(line.get_xydata(), [(0, 0), (1, 2), (3, 3)])
assert line.get_marker() == "o" and line.get_label() == "path" and not axes[1].lines
plt.close(fig)

# %% [markdown]
# ## bars-images-and-scales
# Bars, images, collections and log scales.

# %% setup
import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np


# %% right
def overview(counts, image, points):
    fig, (a, b, c) = plt.subplots(1, 3)
    a.bar(range(len(counts)), counts)
    b.imshow(image, cmap="gray", vmin=0, vmax=1)
    c.scatter(*np.transpose(points), s=9)
    c.set_yscale("log")
    c.set_ylim(0.1, 100)
    return fig


# %% wrong replace="a.bar(range(len(counts)), counts)" by="a.bar(range(len(counts)), counts[::-1])"

# %% wrong replace='c.set_yscale("log")' by='c.set_xscale("log")'

# %% test
image = np.linspace(0, 1, 6).reshape(2, 3)
fig = overview([3, 1, 2], image, [(1, 1), (2, 10)])
a, b, c = fig.axes
assert [p.get_height() for p in a.patches] == [3, 1, 2]
np.testing.assert_allclose(np.asarray(b.images[0].get_array()), image)
assert b.images[0].get_cmap().name == "gray" and b.images[0].get_clim() == (0, 1)
np.testing.assert_allclose(c.collections[0].get_offsets(), [(1, 1), (2, 10)])
assert c.get_yscale() == "log" and tuple(c.get_ylim()) == (0.1, 100)
plt.close(fig)
