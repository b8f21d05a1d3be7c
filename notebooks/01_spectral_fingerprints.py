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
# # 1. Spectral fingerprints
#
# Every image a CNN makes has been enlarged inside the network: from a few values to a few hundred pixels a side.
# Enlarging leaves a regular pattern, far too faint to see. A Fourier spectrum shows regular patterns as single bright
# points. This notebook makes such points appear, says what they mean, and then makes them vanish again.
#
# Nothing is downloaded. The photographs come with scikit-image and scikit-learn. The "fakes" are the same
# photographs, passed through *miniatures*: small networks that end in the upsampling of a known generator family.
# They are stand-ins for an upsampler, not for a generator.

# %%
# %matplotlib inline
import tempfile
from pathlib import Path

import numpy as np

import freqforensics as ff
from freqforensics.figures.explore import plot_labels
from freqforensics.generators import simulate_from_sources
from freqforensics.generators.plain import write_upsampled_photographs

holder = tempfile.TemporaryDirectory()
folder = Path(holder.name)
crops = write_upsampled_photographs(folder / "plain")
photographs = folder / "plain" / "nearest" / "0_real"
simulate_from_sources(
    [photographs],
    folder / "miniatures",
    families=["progan", "stylegan2", "dcgan", "cyclegan", "ldm_vae", "stylegan3"],
    scale_down=1,
)
print(f"{crops} crops of ten photographs, and what four plain upsamplers and six miniatures make of them")

# %% [markdown]
# ## Start with the plainest upsamplers
#
# Each photograph was halved and then doubled again, in four ways. The first row is the photographs themselves.

# %%
plain = ff.by_generator(ff.index_images(folder / "plain"))
spectra = {key: ff.mean_spectrum(files, spec=ff.SpectrumSpec(size=128)) for key, files in plain.items()}
figure = ff.plot_fingerprints(spectra)

# %% [markdown]
# **What one sees.** The middle of each panel is frequency 0, its edges are 1/2: a pattern that repeats every second
# pixel.
#
# - *bilinear* leaves the outer part dark. Smooth interpolation cannot make fine detail.
# - *nearest* has dark lines where its box filter is zero.
# - *zero-insertion* repeats the whole spectrum. The middle comes back at the edges.
# - *transposed-3x3* has single bright points at the edges: the checkerboard, with the same phase in every image.
#
# **What the four columns are.** The *coherent amplitude* is what has the same phase in every image: add the
# transforms, then take the size. *Power* takes the size first, so it keeps what is strong whatever its phase. *Log
# power* does the same for the typical image, so that a few contrasty ones do not rule. *N R* is evidence: it is 1 by
# chance and N for a pattern that is the same in all N images. A bright point in the last column needs an explanation.
# A bright region in the second one is mostly content.

# %% [markdown]
# ## One image shows little, many show a line
#
# Here are the `dcgan` miniature's images again: one of them, eight, and all.

# %%
groups = ff.by_generator(ff.index_images(folder / "miniatures"))
spec = ff.SpectrumSpec(size=128)
records = groups["dcgan", "fake"]
growing = {
    "one": ff.mean_spectrum(records[:1], spec=spec),
    "eight": ff.mean_spectrum(records[::10], spec=spec),
    "all": ff.mean_spectrum(records, spec=spec),
}
plot_labels(growing, "coherent", title="dcgan")

# %% [markdown]
# Content differs from image to image, so its phases do too, and its sum grows slowly: divided by the number of
# images, it sinks. The trace has one phase, so it stays. The stripes and blobs of one image fade, the regular points
# at multiples of 1/4 stand out. That is the whole trick.
#
# ## Six decoders
#
# The photographs' own panel comes first. Hold every other row against it.

# %%
spectra = {key: ff.mean_spectrum(files, spec=spec) for key, files in groups.items()}
figure = ff.plot_fingerprints(spectra)

# %%
for (generator, label), spectrum in spectra.items():
    if label == "fake" or generator == "dcgan":
        line = ff.strongest_line(spectrum)
        name = "photographs" if label == "real" else generator
        print(f"{name:12} ({line.fx:.3f}, {line.fy:+.3f})  N R {line.nr:5.1f}  p {line.p_corrected:.1e}")

# %% [markdown]
# `p` is the chance that *any* of the thousands of frequencies would be this coherent by accident. For photographs it
# should be near 1, and is. `stylegan3` has none either: its upsampling filters properly, so nothing repeats. **No
# line is no proof of a photograph.**
#
# The p-values suppose independent images. These are neighbouring crops of ten photographs, which is not quite that.
# With your own images, let the real side tell you how far to trust them.
#
# ## Which factor?
#
# n layers that double leave lines at multiples of 1/2ⁿ. `upsampling_study` tests these lattices against the
# frequencies beside them, and asks what else could have made them.

# %%
study = ff.upsampling_study([folder / "miniatures"])
for (generator, label), report in study.reports.items():
    if label == "fake" or generator == "dcgan":
        print(f"{'photographs' if label == 'real' else generator:12} {report.verdict}")

# %% [markdown]
# Two of them deserve a second look. `cyclegan` has no single line that stands out (p above), but all lines of its
# lattice together do: the test adds them up. And `ldm_vae` doubles three times, so its finest lines lie at 1/8, where
# JPEG's blocks have theirs; the report says so, and some of these photographs were JPEG files once.
#
# ## When it misleads
#
# **A crop that starts anywhere.** The trace is tied to the grid of pixels. If crops begin at random offsets, its
# phase differs from image to image, and the sum cancels. Nothing about the images changed.

# %%
aligned = ff.SpectrumSpec(size=96)
anywhere = ff.SpectrumSpec(size=96, crop="random", align=1)
moved = {
    "aligned": ff.mean_spectrum(records, spec=aligned),
    "anywhere": ff.mean_spectrum(records, spec=anywhere, rng=np.random.default_rng(0)),
}
plot_labels(moved, "coherence", title="dcgan")

# %% [markdown]
# **JPEG.** Its blocks of 8 pixels are a grid too, and it blurs what lies between. Here both sides were compressed
# alike.

# %%
simulate_from_sources([photographs], folder / "jpeg", families=["dcgan", "cyclegan"], scale_down=1, quality=75)
compressed = ff.upsampling_study([folder / "jpeg"])
figure = ff.plot_lattices(compressed.spectra, compressed.reports)

# %% [markdown]
# Compare with the verdicts above. `dcgan` still shows its lattice. Of `cyclegan` too little is left, and JPEG's grid
# would explain that. So look at a matched real side before you believe a line: if photographs that went the same way
# have it, it is not the generator's.
#
# **Resizing** does as much harm. It moves every line or wipes it out, and a resized photograph can gain a lattice. A
# lattice says "periodically upsampled". It does not say "fake".
#
# ## Try it yourself
#
# In Jupyter with ipywidgets the next cell is a panel: choose a generator, a residual, a window. Without widgets it is
# a figure. `laplacian` sharpens the outer frequencies; `none` shows why a residual is taken at all.

# %%
from freqforensics.explore import explore_spectrum

explore_spectrum(folder / "miniatures", generator="stylegan2", kind="coherence")

# %%
explore_spectrum(folder / "miniatures", generator="ldm_vae", kind="coherent", residual="none", widgets=False)
