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
# # 4. Fakeness and quality
#
# Do images that look worse get caught more easily? It sounds obvious. Wang et al. (2020) sorted images by score and
# saw hardly any link. Here is how to ask with numbers: for each generator, does the detector's logit rise or fall
# with a score of quality?
#
# Miniatures stand in for generators. If `FREQFORENSICS_DATA` names a folder in the layout of ForenSynths, two of its
# generators are asked about as well.

# %%
# %matplotlib inline
import os
import tempfile
from pathlib import Path

from freqforensics.figures.quality import plot_forest, plot_least, plot_percentiles, plot_scatter
from freqforensics.generators import simulate_from_sources
from freqforensics.generators.plain import write_upsampled_photographs
from freqforensics.quality.scores import SCORES
from freqforensics.studies.quality import quality_study

holder = tempfile.TemporaryDirectory()
folder = Path(holder.name)
write_upsampled_photographs(folder / "plain")
for path in (folder / "plain" / "nearest" / "0_real").iterdir():
    if path.name.startswith(("brick", "camera", "grass", "gravel")):  # grey ones, see notebook 5
        path.unlink()
simulate_from_sources(
    [folder / "plain" / "nearest" / "0_real"],
    folder / "miniatures",
    families=["cyclegan", "progan", "stylegan2"],
    scale_down=1,
)
for name in ("niqe_48", "blur_effect", "noise_sigma", "entropy"):
    print(f"{name:12} {SCORES[name].label}: {SCORES[name].about}")

# %% [markdown]
# Only the first two claim to measure quality. The others are plain properties that quality is often taken for.

# %%
chosen = ["niqe_48", "blur_effect", "noise_sigma", "entropy"]
labels = {name: SCORES[name].label for name in chosen}
study = quality_study([folder / "miniatures"], scores=chosen, bootstrap=300, permutations=499)
plot_forest(study.fakeness, labels)

# %% [markdown]
# Each disc is one generator and one label: the rank correlation of logit and score, with its 95 % interval. To the
# right, greater scores go with greater fakeness. A filled disc survives the correction for the number of tests. The
# diamonds sum up.
#
# **Look at the blue discs first.** They are photographs, here the same ones in every row. If the logit of photographs
# followed a score as that of fakes does, the link would not be about how fakes are made. It would be about what kind
# of picture the detector finds easy.
#
# **Then compare the rows.** The noisier a picture of `stylegan2`, the more surely it is caught; `cyclegan` shows
# nothing of the kind. So there is no answer for "fakes". There is one for each generator, and the orange diamonds,
# the mean over three that disagree, reach nearly from end to end.
#
# Many of these crops come from few photographs. A correlation over such a set is mostly one *between* photographs.

# %%
plot_scatter(study.fakeness, "noise_sigma", labels["noise_sigma"])

# %% [markdown]
# ## The least and the most fake

# %%
plot_percentiles(study.fakeness, study.pictures)

# %% [markdown]
# From left to right the score rises. Does the eye agree? If not, the detector sees something that you do not, and
# what looks good is not safe.
#
# ## What a chooser gains
#
# Whoever makes k images and shows the least fake one does better than average. How much better?

# %%
plot_least(study.fakeness)

# %% [markdown]
# A rate of detection measured on random images is too kind if the images one meets were chosen.
#
# ## Real generators

# %%
data = os.environ.get("FREQFORENSICS_DATA")
found = [Path(data) / name for name in ("dcgan", "stylegan2", "biggan") if (Path(data) / name).is_dir()] if data else []
if found:
    real = quality_study(found, scores=chosen, limit=30, bootstrap=300, permutations=499)
    print("\n".join(real.notes))
else:
    real = None
    print("FREQFORENSICS_DATA names no folder with dcgan, stylegan2 or biggan")
plot_forest(real.fakeness, labels) if real else None

# %% [markdown]
# ## When it misleads
#
# - **JPEG, size and category** move both the logit and the scores. Where they vary they are held fixed (the crosses).
#   What is not in the file cannot be held fixed.
# - **A score of quality is not quality.** NIQE was made for photographs with common distortions, not for what GANs do
#   wrong.
# - **A small group says little.** Pale marks have fewer than 30 images. Thirty images in a set are still few.
# - **It is one detector.** This one looks for lattices. Another looks elsewhere, and its answer can differ.
