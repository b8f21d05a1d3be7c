# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3. Why was it flagged?
#
# A detector gives one number. A number is not a reason. This notebook asks for the reasons, and then puts them to the
# test: take out what is said to matter, and see whether the score falls.

# %%
# %matplotlib inline
import os
from pathlib import Path

import cv2
import numpy as np
import skimage.data

import freqforensics as ff
from freqforensics.generators import load_miniature

detector = ff.open_detector("miniature-resnet50")
photograph = cv2.resize(skimage.data.coffee(), (288, 192), interpolation=cv2.INTER_AREA)
flagged = load_miniature("stylegan2").model.regenerate([photograph])[0]

bounds = detector.thresholds
print(f"nothing is concluded between {bounds.low:+.2f} and {bounds.high:+.2f}")
for name, image in (("the photograph", photograph), ("after the miniature", flagged)):
    logit = float(detector.detector.logits([image])[0])
    print(f"{name:20} {logit:+.2f}  {bounds.verdict(logit)}")

# %% [markdown]
# `miniature-resnet50` looks at nothing but where the tiles of an image agree in phase, which makes it the one to learn
# from. The default, `everyday`, also looks at small neighbourhoods, and says how many photographs score as high.
#
# The score is a *logit*: 0 is undecided, each step upwards makes "fake" more likely. The two images differ in nothing
# but the decoder they went through. Can you see it?

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 3, figsize=(9, 2.6), layout="constrained")
axes[0].imshow(photograph)
axes[1].imshow(flagged)
axes[2].imshow(np.clip(128 + 8 * (flagged.astype(int) - photograph).mean(axis=2), 0, 255), cmap="gray")
for ax, title in zip(axes, ("photograph", "miniature", "difference, eight times"), strict=True):
    ax.set_title(title, fontsize=9)
    ax.set_axis_off()

# %% [markdown]
# ## Ask
#
# `inspect` answers in one call. Its page, which `ff.Page(finding)` on a line would show, has every view with what it
# means and what it does not mean. Here are three of them.

# %%
from freqforensics.figures.inspect import plot_counterfactuals, plot_deletion, plot_frequencies

finding = ff.inspect(flagged, detector, fast=True)
print(finding.verdict, f"{finding.logit:+.2f}")
for line in finding.explanation.lines[:6]:
    print(f"  ({line.fx:.5g}, {line.fy:.5g}) adds {line.value:+.2f} logits")
ax = plot_frequencies(finding)

# %% [markdown]
# **Which frequencies.** Red speaks for "fake", blue against it, and all cells sum to the gap between this image and
# itself with random phases. Much of the red sits at simple fractions: that is the lattice of upsampling by four.
#
# A map like this always looks like an answer. So it has to pass three tests.

# %%
ax = plot_deletion(finding)

# %% [markdown]
# **Test 1: take the frequencies out, in the map's order.** If the map is right, the score falls faster than when
# as many others of the same radii are taken out in random order, the grey band.

# %%
ax = plot_counterfactuals(finding)

# %% [markdown]
# **Test 2: what if a line were not there?** Each row takes out one set. The grey bar is what taking out other lines
# of the same energy does. A dot inside it has proved nothing. The open dots are the same images rounded to whole grey
# levels: where they stay at the right, the trace is fainter than one level, and a saved file cannot show its absence.

# %%
for name, badge in finding.tests.badges.items():
    print(f"{name:12} {'may be believed' if badge.passed else '; '.join(badge.reasons)}")
if finding.changes.flip:
    print(f"\n{len(finding.changes.flip.lines)} frequencies suffice to change the verdict")

# %% [markdown]
# **Test 3: make the weights random.** A map that looks the same for a network that knows nothing is a picture of the
# image, not of the decision. Maps that fail are greyed on the page.
#
# ## Try it yourself
#
# Choose peaks or whole lattices, and see the image and the score without them. Two calls show it without widgets.

# %%
from freqforensics.attribution.notches import lattice_lines
from freqforensics.explore import explore_notches

explore_notches(flagged, detector=detector)

# %%
without = explore_notches(flagged, detector=detector, frequencies=lattice_lines(4), widgets=False)
print(f"logit {without.logit_before:+.2f} before, {without.logit_after:+.2f} without the lattice of 1/4")
without.figure()

# %% [markdown]
# ## When it misleads
#
# A photograph can be flagged too. This one is not a fake of any kind.

# %%
from sklearn.datasets import load_sample_images

temple = cv2.resize(load_sample_images().images[0], (320, 208), interpolation=cv2.INTER_AREA)
alarm = explore_notches(temple, detector=detector, frequencies=lattice_lines(4), widgets=False)
print(f"logit {alarm.logit_before:+.2f}: {bounds.verdict(alarm.logit_before)}")
alarm.figure()

# %% [markdown]
# Two things to take home. **A score above the threshold is a reason to look, not a result.** And **a notch is a
# change, too**: in an image without a lattice it digs holes where there was nothing to remove, and the score may even
# rise. Judge a notch against other lines, as the tests above do, never by itself.
#
# ## A real generator's image

# %%
data = os.environ.get("FREQFORENSICS_DATA")
fakes = [
    path
    for name in ("pix2pix", "dcgan", "stylegan2")
    if data and (Path(data) / name / "1_fake").is_dir()
    for path in sorted((Path(data) / name / "1_fake").iterdir())[:1]
]
if not fakes:
    print("FREQFORENSICS_DATA names no folder with pix2pix, dcgan or stylegan2")
for path in fakes:
    shown = explore_notches(path, detector=detector, frequencies=lattice_lines(8), widgets=False)
    print(
        f"{path.parent.parent.name:10} {shown.logit_before:+.2f}, without the lattice of 1/8 {shown.logit_after:+.2f}"
    )
shown.figure() if fakes else None

# %% [markdown]
# Look at both bars after notching. The first is the image with its lattice taken out exactly, the second the same
# image in whole grey levels, as a file would hold it. Where a trace is fainter than one grey level, rounding alone
# can bring a score back, or drive it up. So what is gone on paper need not be gone in a file.
