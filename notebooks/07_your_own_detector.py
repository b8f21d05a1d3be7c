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
# # 7. Your own detector
#
# `ff.wrap` makes a detector of any network or function. This notebook wraps six of them, and asks each what notebook 3
# asks: why this score? Two need more than a line: a network with two logits, and a function without a gradient.

# %%
# %matplotlib inline
from types import SimpleNamespace

import numpy as np
import skimage.data
import torch
import torchvision
from torch import nn

import freqforensics as ff
from freqforensics.figures.inspect import plot_bands, plot_frequencies

torch.manual_seed(0)
photograph = np.ascontiguousarray(skimage.data.coffee()[100:196, 200:296])
wave = 10 * np.cos(2 * np.pi * 0.25 * np.arange(96))[None, :, None]
image = np.clip(np.rint(photograph + wave), 0, 255).astype(np.uint8)

# %% [markdown]
# The image is a part of a photograph with a wave of four pixels along its rows. That is the *planted* trace: a detector
# of this wave is explained rightly if the explanation names the frequency (1/4, 0).
#
# ## A network of torchvision
#
# One logit, images of any size, ImageNet's normalisation: nothing needs to be said. The weights here are random, and so
# is the score.

# %%
network = torchvision.models.resnet18(num_classes=1)
detector = ff.wrap(network, name="ResNet-18")
print(detector)
print(f"logit {detector.logits([image])[0]:+.3f}")

# %% [markdown]
# ## Two logits
#
# Which column is *fake*? The weights do not say, and a wrong guess reverses every score, map and verdict. So it is not
# guessed.


# %%
class Smoothness(nn.Module):
    """Gives a logit of real and one of fake: fake grows with the differences of pixels that lie two apart."""

    def forward(self, x):
        grey = x.mean(dim=1)
        rough = (grey[..., 2:] - grey[..., :-2]).square().mean(dim=(1, 2)).sqrt()
        return torch.stack([3 - 50 * rough, 50 * rough - 3], dim=1)


two = Smoothness()
try:
    ff.wrap(two)
except ValueError as error:
    print(error)

# %% [markdown]
# The labels of this network are 0 real, 1 fake. The difference of its columns is the logit of the softmax.

# %%
detector = ff.wrap(two, output=lambda z: z[:, 1] - z[:, 0], mean=0, std=1, name="smoothness")
for name, pixels in (("photograph", photograph), ("with the wave", image)):
    print(f"{name:14} {detector.logits([pixels])[0]:+.2f}")

# %%
finding = ff.inspect(image, detector, fast=True)
for line in finding.explained.lines[:3]:
    print(f"({line.fx:+.3f}, {line.fy:+.3f})  {line.value:+.2f}")
plot_frequencies(finding)

# %% [markdown]
# The planted frequency comes first, and it is red: it speaks for *fake*. With the columns the other way round,
# `z[:, 0] - z[:, 1]`, the same wave would speak for a photograph, with the same confidence. Try it.
#
# ## Models of timm and transformers
#
# A model of timm carries its mean and standard deviation in `pretrained_cfg`. What a model of transformers returns has
# `logits`. Both are imitated here, so that nothing needs to be installed; yours are wrapped by the same lines.


# %%
class LikeTimm(nn.Module):
    def __init__(self):
        super().__init__()
        self.pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
        self.trunk = torchvision.models.mobilenet_v3_small(num_classes=1)

    def forward(self, x):
        return self.trunk(x)


class LikeTransformers(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.mobilenet_v3_small(num_classes=2)

    def forward(self, pixel_values):
        return SimpleNamespace(logits=self.trunk(pixel_values))


timm_like = ff.wrap(LikeTimm(), name="like timm")
transformers_like = ff.wrap(
    LikeTransformers(), output=lambda z: z[:, 1] - z[:, 0], mean=0.5, std=0.5, name="like transformers"
)
print(timm_like.preparation.mean, timm_like.preparation.std)
for detector in (timm_like, transformers_like):
    print(f"{detector.name:18} {detector.logits([image])[0]:+.4f}")

# %% [markdown]
# ## A network of one size
#
# A vision transformer takes images of one size. `size=224` refuses all others. `crop=224` takes the centre, with zeros
# around a smaller image. `resize` fits everything, and blurs and moves the very traces that are looked for: give it
# only if the network was trained so.

# %%
transformer = torchvision.models.VisionTransformer(
    image_size=224, patch_size=32, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64, num_classes=1
)
nn.init.normal_(transformer.heads.head.weight, std=0.1)
strict = ff.wrap(transformer, size=224, name="ViT, 224 only")
try:
    strict.logits([image])
except ValueError as error:
    print(error)
finding = ff.inspect(image, ff.wrap(transformer, crop=224, name="ViT, centre"), fast=True)
for left in finding.left_out:
    print(f"left out: {left.view}: {left.reason}")

# %% [markdown]
# Views that a network cannot give are left out, with the reason: here and on the page.
#
# ## A function without a gradient
#
# Your detector may be a classifier of features, or a program. A function gets uint8 arrays, (N, H, W, 3), and gives a
# number for each image.


# %%
def roughness(images):
    grey = images.astype(np.float64).mean(axis=3)
    return np.abs(grey[..., 2:] - grey[..., :-2]).mean(axis=(1, 2)) - 8


finding = ff.inspect(image, ff.wrap(roughness, name="roughness"), fast=True)
print(f"logit {finding.logit:+.2f}; first frequency {finding.explained.lines[0].fx, finding.explained.lines[0].fy}")
print("left out:", ", ".join(left.view for left in finding.left_out))
plot_bands(finding)

# %% [markdown]
# Without a gradient the bands have exact Shapley values, and each frequency has the score less that without it. What a
# gradient is needed for is left out; notches, deletion, occlusion, curves and tiles are the same as for a network.
#
# ## On the command line
#
# `--model my_detector:make` takes the place of `--weights` in `inspect`, `score`, `evaluate`, `robustness`, `quality`,
# `false-alarms` and `population`. `make` is a function of yours, in `my_detector.py`, that returns what `ff.wrap`
# returns.
#
# **Before you trust an explanation** of a detector of yours, check that a few images score as its own script scores
# them. An explanation of wrongly prepared images is one of another detector. More: docs/howto/your_detector.md.
