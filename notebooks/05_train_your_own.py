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
# # 5. Train your own detector
#
# A detector needs photographs and fakes. If you have photographs alone, miniatures make the fakes: the same pictures,
# passed through a decoder. Then both sides show the same things at the same size, and little is left to learn but
# the decoder's trace.
#
# This is a training to look at, about a minute on one core. The detector that ships learnt the same way from hundreds
# of photographs, for a quarter of an hour on two cores, with other fakes at every step.

# %%
# %matplotlib inline
import shutil
import tempfile
from pathlib import Path

import freqforensics as ff
from freqforensics.figures import plot_evaluation
from freqforensics.generators import simulate_from_sources
from freqforensics.generators.plain import write_upsampled_photographs

holder = tempfile.TemporaryDirectory()
folder = Path(holder.name)
crops = write_upsampled_photographs(folder / "plain")
print(crops, "crops of ten photographs")

# %% [markdown]
# ## Look for what must not be learnt
#
# Some of these photographs are grey. A decoder never gives exact grey back, so among such pairs "grey means real" is
# always right, and a network finds that rule long before it finds a lattice. `audit` looks for such rules.

# %%
from freqforensics.figures.audit import plot_audit
from freqforensics.studies.audit import audit_sources

photographs = folder / "plain" / "nearest" / "0_real"
simulate_from_sources([photographs], folder / "first-try", families=["dcgan"], scale_down=1)
plot_audit(audit_sources([folder / "first-try"])[0])

# %% [markdown]
# *grey* stands out. So the grey photographs stay out. There is less to learn from, and it is worth more.
#
# ## Keep the test apart, by photograph
#
# Two crops of one photograph are not two photographs. If one is learnt from and the other tested on, the detector may
# simply know the picture. So whole photographs go to one side or the other. And the test has families that the
# detector never meets.

# %%
parts = {"learn": ("astronaut", "china", "coffee"), "test": ("chelsea", "flower", "rocket")}
families = {"learn": ["dcgan", "stylegan2", "biggan", "sitd"], "test": ["dcgan", "cyclegan", "ldm_vae", "stylegan3"]}
for part, names in parts.items():
    (folder / "photographs" / part).mkdir(parents=True)
    for path in sorted(photographs.iterdir()):
        if path.name.startswith(names):
            shutil.copy(path, folder / "photographs" / part)
    simulate_from_sources([folder / "photographs" / part], folder / part, families=families[part], scale_down=1)
    groups = ff.by_generator(ff.index_images(folder / part))
    print(part, {generator: len(group) for (generator, label), group in groups.items() if label == "fake"}, "pairs")

# %% [markdown]
# ## Train
#
# What counts is the input. `coherence` does not show the network the picture. It shows which frequencies have the
# same phase all over it. `pairs` puts a photograph and its fake into one batch, cropped alike, so that what they have
# in common cancels.

# %%
config = ff.TrainConfig(
    (str(folder / "learn"),),
    pairs=True,
    input="coherence",
    init="identity",
    early_down=2,
    held_out=0.15,
    crop=128,
    batch=16,
    epochs=3,
    learning_rate=1e-3,
    decay="cosine",
)
training = ff.train_detector(
    config,
    folder / "run",
    workers=0,
    on_epoch=lambda epoch: print(f"epoch {epoch.epoch}: loss {epoch.loss:.2f}, AP on held-out crops {epoch.ap:.2f}"),
)

# %% [markdown]
# Perfect on the held-out crops, and at once. Do not believe it yet: there are few of them, they are crops of the same
# photographs, and from the same decoders.
#
# ## Test
#
# Now other photographs, and three decoders out of four that it has not met. Beside it the detector that ships.

# %%
evaluations = {}
for name, weights in (("one minute", training.weights), ("ships", "everyday")):
    evaluations[name] = ff.evaluate_study([folder / "test"], weights=[weights], ways=("as-is",)).evaluation
    print(name)
    for row in evaluations[name].rows():
        print(f"  {row['generator']:10} AP {row['ap']:.2f} ({row['ap_low']:.2f} to {row['ap_high']:.2f})")
figure = plot_evaluation(evaluations["one minute"])

# %% [markdown]
# AP, average precision, is 1 if all fakes score above all photographs. By chance it is near 0.5 here, for both sides
# have as many images. The interval is of 95 %; where it reaches down to 0.5, nothing has been shown.
#
# The decoder it knows is found on photographs it does not know. Strangers mostly are not. Four decoders and three
# photographs were too few to learn what all upsampling has in common; the detector that ships saw dozens of networks
# on hundreds of photographs, these decoders among them.
#
# ## When it misleads
#
# - **A high AP on your own validation images** says that training worked. It says nothing of generators you have not
#   met.
# - **Anything that differs between the two sides is learnt**: JPEG on one of them, size, sharpness. `freqforensics
#   audit` looks for it before the first step.
# - **One run is one run.** Another seed gives other numbers. Before you compare two recipes, run each several times.
#
# ## In earnest
#
# ```sh
# freqforensics train photos --out run --preset shipped
# freqforensics weights pack run --out my-detector.safetensors
# freqforensics evaluate ForenSynths/test --weights my-detector.safetensors --out evaluation
# # the detector that ships: docs/howto/train_everyday.md
# ```
