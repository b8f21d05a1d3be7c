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
# # 6. On ForenSynths
#
# ForenSynths is the test set of Wang et al. (2020): thirteen kinds of generators, some 70 000 images. Its authors
# give it away at [github.com/PeterWang512/CNNDetection](https://github.com/PeterWang512/CNNDetection). This notebook
# is the whole way through it.
#
# At full scale the work belongs on the command line. It resumes, it reports files it cannot read, and it writes a
# manifest beside each result:
#
# ```sh
# freqforensics audit      ForenSynths/test --out results/audit
# freqforensics spectrum   ForenSynths/test --out results/spectra --crop 256 --limit 2000 --shuffle
# freqforensics upsampling ForenSynths/test --out results/lattices
# freqforensics compare    ForenSynths/test --out results/comparison
# freqforensics weights fetch wang2020-blur-jpeg-0.5
# freqforensics evaluate   ForenSynths/test --weights wang2020-blur-jpeg-0.5 --out results/evaluation
# freqforensics robustness ForenSynths/test --weights wang2020-blur-jpeg-0.5 --out results/robustness
# freqforensics quality    ForenSynths/test --out results/quality
# ```
#
# The cells below take the same steps in Python, on a few images. They read the folder that `FREQFORENSICS_DATA`
# names, and where there is none, miniatures. With the full set, raise `LIMIT` or set it to `None`.

# %%
# %matplotlib inline
import os
import tempfile
from pathlib import Path

import freqforensics as ff
from freqforensics.generators import simulate_from_sources
from freqforensics.generators.plain import write_upsampled_photographs

LIMIT = 30
WEIGHTS = "everyday"

data = os.environ.get("FREQFORENSICS_DATA")
known = ("biggan", "cyclegan", "progan", "stargan", "stylegan", "stylegan2")
sources = [Path(data) / name for name in known if (Path(data) / name).is_dir()] if data else []
if not sources:
    holder = tempfile.TemporaryDirectory()
    folder = Path(holder.name)
    write_upsampled_photographs(folder / "plain")
    for path in (folder / "plain" / "nearest" / "0_real").iterdir():
        if path.name.startswith(("brick", "camera", "grass", "gravel")):  # grey ones, see notebook 5
            path.unlink()
    simulate_from_sources(
        [folder / "plain" / "nearest" / "0_real"],
        folder / "miniatures",
        families=["biggan", "cyclegan", "stargan", "stylegan2"],
        scale_down=1,
        limit=LIMIT,
    )
    sources = [folder / "miniatures"]
records = ff.index_sources(sources, on_note=lambda note: None)
for (generator, label), group in ff.by_generator(records).items():
    print(f"{generator:10} {label:5} {len(group)} images")

# %% [markdown]
# ## First, what the two sides differ in besides who made them
#
# If all fakes are PNG and all photographs JPEG, every number below may be about that.

# %%
from freqforensics.figures.audit import plot_audit
from freqforensics.studies.audit import audit_study

audit = audit_study(sources, limit=LIMIT).audit
plot_audit(audit)

# %% [markdown]
# Bold cells are serious. Keep them in mind for the rest: size and interpolation can make a perfect detector of
# nothing.
#
# ## What the spectra show

# %%
spec = ff.SpectrumSpec(size=128)
spectra = {
    key: ff.mean_spectrum(group, spec=spec, limit=LIMIT, on_error="skip")
    for key, group in ff.by_generator(records).items()
}
figure = ff.plot_fingerprints(spectra)

# %% [markdown]
# The noise of the coherent amplitude falls with the number of images, so compare it only at like N. N R is the
# evidence: a point that only the fake side has wants an explanation, and the next step offers some.

# %%
study = ff.upsampling_study(sources, limit=LIMIT)
for (generator, label), report in study.reports.items():
    print(f"{generator:10} {label:5} {report.verdict}")

# %% [markdown]
# Thirty images are few. A faint lattice needs hundreds, and "no lattice" then means "none seen yet".
#
# ## What a detector makes of it

# %%
from freqforensics.figures import plot_evaluation

study = ff.evaluate_study(sources, weights=[WEIGHTS], ways=("as-is",), limit=LIMIT)
for note in study.notes:
    print(note)
for row in study.evaluation.rows():
    print(f"{row['generator']:10} AP {row['ap']:.2f} ({row['ap_low']:.2f} to {row['ap_high']:.2f})")
figure = plot_evaluation(study.evaluation)

# %% [markdown]
# Published numbers are of 224 pixels from the middle (`view="center"`), of all images, and of other weights. Numbers
# from thirty images stand beside them only with their intervals.
#
# ## When it misleads
#
# - **A mean over generators hides the one that matters.** Read the rows.
# - **Ranking is not deciding.** AP asks whether fakes score higher. It does not ask whether the threshold fits your
#   images. Take one from validation images, never from the test.
# - **A score without a history is worth little.** Most images one meets were resized or saved as JPEG once more.
#   `robustness` shows what is left then.
