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
# # 2. What do generators have in common?
#
# Two generators with the same kind of upsampling should leave like traces. Do they? And is one fingerprint like
# another because the networks are alike, or because the photographs were? This notebook measures it.
#
# It runs on miniatures. If the variable `FREQFORENSICS_DATA` names a folder in the layout of ForenSynths
# (`biggan/0_real`, `biggan/1_fake`, ...), it runs on some generators from there as well.

# %%
# %matplotlib inline
import os
import tempfile
from pathlib import Path

from freqforensics.figures.compare import plot_learning, plot_shared, plot_similarities
from freqforensics.generators import FAMILIES, simulate_from_sources
from freqforensics.generators.plain import write_upsampled_photographs
from freqforensics.studies.compare import compare_study

holder = tempfile.TemporaryDirectory()
folder = Path(holder.name)
write_upsampled_photographs(folder / "plain")
simulate_from_sources(
    [folder / "plain" / "nearest" / "0_real"],
    folder / "miniatures",
    families=["progan", "biggan", "cyclegan", "dcgan", "sitd", "san", "stylegan2", "ldm_vae"],
    scale_down=1,
)
for name in ("progan", "biggan", "cyclegan", "dcgan", "sitd", "san", "stylegan2", "ldm_vae"):
    print(f"{name:10} {FAMILIES[name].operator:11} {FAMILIES[name].upsampling}")

# %% [markdown]
# ## Four ways to be alike
#
# - *coherent*: the mean spectra themselves, phases and all. Two generators must push the same pixels the same way.
# - *log power*: how much energy lies where, with the real side and the radial mean taken off. Phases do not matter.
# - *peaks*: which frequencies stand out. How strongly does not matter.
# - *lattice*: the strengths at multiples of 1/16 alone.


# %%
def operator(name: str) -> str | None:
    return FAMILIES[name].operator if name in FAMILIES else None


comparison = compare_study([folder / "miniatures"], groups=operator).comparison
plot_similarities(comparison)

# %% [markdown]
# 1 is the same, 0 is nothing in common, below 0 is opposite. Bold numbers are beyond chance.
#
# Start with *coherent*. It falls into two blocks: the nearest-neighbour decoders (`biggan`, `progan`) agree with each
# other and are the very opposite of the transposed convolutions (`dcgan`, `stylegan2`, `sitd`). Both make a
# checkerboard; which of its squares are bright differs. With so few lines in each, a single sign decides.
#
# *peaks* and *lattice* ask only where lines are. All of these decoders double, and doubling leaves lines at the same
# simple fractions, so strangers are alike here. Where a set has no clear peak, as `san` here, it is like nobody.
#
# ## Which frequencies?

# %%
plot_shared(comparison)

# %% [markdown]
# The bright cells are the corners, (1/2, 1/2), and then the rest of the lattice. A frequency that most sets share
# says "upsampled", and no more. Only what few sets share can name a generator.
#
# ## Do twins go together?
#
# Families of one operator are twins on paper. Are they more alike than strangers?

# %%
for measure, grouping in comparison.groupings.items():
    print(f"{measure:10} within {grouping.within:+.2f}, across {grouping.across:+.2f}, p = {grouping.p_value:.2f}")

# %% [markdown]
# Read these p-values before you believe a block in the figure. By *coherent* twins are more alike than strangers. By
# the other measures they may be, or it is chance: eight sets are few.
#
# ## How many images does it take?

# %%
plot_learning(comparison)

# %% [markdown]
# The dashed line is what random phases reach somewhere in the plane in one case of twenty. Where the curve stays
# above it, that many images are enough. A strong checkerboard needs a few; a well-filtered decoder needs many, or
# never gets there.
#
# ## Real generators

# %%
data = os.environ.get("FREQFORENSICS_DATA")
wanted = ("cyclegan", "dcgan", "pix2pix", "stable_diffusion", "stylegan2")
found = [Path(data) / name for name in wanted if (Path(data) / name).is_dir()] if data else []
real = compare_study(found, limit=50) if len(found) > 1 else None
if real is None:
    print("FREQFORENSICS_DATA names no folder with two of", ", ".join(wanted))
else:
    print("\n".join(real.notes))
plot_similarities(real.comparison) if real else None

# %% [markdown]
# In our test data `dcgan` and `pix2pix`, both built from transposed convolutions of 4x4, are each other's nearest by
# peaks and by lattice. `stylegan2` and `stable_diffusion` share one line at 1/2, phase included.
#
# ## When it misleads
#
# - **The photographs travel along.** All miniatures here saw the same photographs. Real sides are taken off for that
#   reason. If a set has no real side, like content looks like a like generator.
# - **So does the file's history.** If all images of two sets were made smaller, or saved as JPEG, the sets are alike
#   in that. The notes name such differences; `freqforensics audit` measures them.
# - **Few images, few peaks.** Two sets with one peak each are wholly alike or not at all.
# - **Like is not same.** That two fingerprints agree says that their last layers work alike. It does not say who made
#   them.
