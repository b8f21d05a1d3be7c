"""The miniatures: sizes, phases, borders; what each up-path does to a constant."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from freqforensics.generators import (
    FAMILIES,
    ALAEMiniature,
    Plan,
    bilinear,
    fir,
    kaiser,
    linear,
    make_miniature,
    nearest,
    predicted_lattice,
    transposed_convolution,
    zero_insertion,
)
from freqforensics.generators.families.decoder import Code
from freqforensics.generators.families.styled import _FusedUp
from freqforensics.generators.layers import Blur, Decimation, LinearUpsampling, ModulatedConv
from freqforensics.generators.registry import find_family, named_families

SMALL = Plan(width=4, content=6)


def test_the_families_asked_for_are_there():
    names = "progan stylegan biggan cyclegan stargan gaugan crn imle sitd san deepfake stylegan2"
    listed = names.split(" ")
    assert list(FAMILIES)[:12] == listed
    assert set(FAMILIES) - set(listed) == {"stylegan3", "alae", "dcgan", "pix2pix", "ldm_vae"}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_says_what_it_keeps_and_where_it_is_from(name):
    doc = FAMILIES[name].decoder.__doc__ or ""
    for word in ("Kept:", "Left", "20"):
        assert word in doc


@pytest.mark.parametrize("name", FAMILIES)
def test_miniatures_are_small(name):
    model = make_miniature(name)
    assert sum(p.numel() for p in model.parameters()) < 230_000


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("name", FAMILIES)
def test_photos_come_back_in_their_size(name, layers):
    model = make_miniature(name, plan=Plan(layers=layers, width=4, content=6)).eval()
    assert model(torch.rand(2, 3, 64, 80)).shape == (2, 3, 64, 80)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_weight_has_a_share_in_the_result(name):
    """A layer that is built and not used would ship, be counted, and do nothing."""
    model = make_miniature(name, plan=SMALL)
    photos = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    loss = model(photos).square().mean()
    if isinstance(model, ALAEMiniature):
        loss = loss + model.latent_loss(model.encode(photos))
    loss.backward()
    unused = [key for key, value in model.named_parameters() if value.grad is None]
    assert unused == []


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_seed_gives_the_same_miniature_and_leaves_torch_alone(name):
    before = torch.get_rng_state()
    one, other = make_miniature(name, plan=SMALL, seed=3), make_miniature(name, plan=SMALL, seed=3)
    third = make_miniature(name, plan=SMALL, seed=4)
    assert torch.equal(before, torch.get_rng_state())
    values = list(zip(one.parameters(), other.parameters(), third.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in values)
    assert not all(torch.equal(a, c) for a, _, c in values)


@pytest.mark.parametrize(
    "up",
    [
        zero_insertion(2),
        nearest(2),
        nearest(3),
        bilinear(),
        linear(4),
        fir(),
        kaiser(),
        kaiser(4, equal_phases=True),
        transposed_convolution((0.3, 1.0, 0.4)),
        transposed_convolution((1.0, 2.0, 1.0, 1.0), padding=1),
    ],
    ids=lambda up: f"{up.name} x{up.factor}",
)
def test_torch_and_numpy_upsample_alike(rng, up):
    planes = rng.normal(0, 1, (2, 3, 12, 15))
    made = LinearUpsampling(up)(torch.from_numpy(planes)).numpy()
    np.testing.assert_allclose(made, up(planes, boundary="reflect"), atol=1e-12)


def test_interpolations_are_torchs_own():
    x = torch.rand(1, 2, 9, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    inner = (slice(None), slice(None), slice(2, -2), slice(2, -2))  # borders differ
    doubled = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(LinearUpsampling(bilinear())(x)[inner], doubled[inner])


def test_the_upsampling_of_stylegan2_is_a_transposed_convolution_and_the_fir_filter():
    """With a one-pixel kernel in the middle it is `fir()` of the modulated input, whatever the style."""
    conv = ModulatedConv(1, 1, 4, up=True, demodulate=False)
    with torch.no_grad():
        conv.weight.zero_()
        conv.weight[0, 0, 1, 1] = 1.0
        conv.affine.weight.zero_()
        conv.affine.bias.fill_(0.5)
    x = torch.rand(1, 1, 10, 12, generator=torch.Generator().manual_seed(0))
    made = conv(x, torch.zeros(1, 4))
    expected = LinearUpsampling(fir(), borders="constant")(1.5 * x)
    assert made.shape == (1, 1, 20, 24)
    torch.testing.assert_close(made[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2])


def test_demodulation_gives_unit_variance_to_white_noise():
    conv = ModulatedConv(16, 8, 4)
    x = torch.randn(4, 16, 64, 64, generator=torch.Generator().manual_seed(0))
    style = torch.randn(4, 4, generator=torch.Generator().manual_seed(1))
    spread = conv(x, style)[:, :, 2:-2, 2:-2].std(dim=(2, 3))
    torch.testing.assert_close(spread, torch.ones_like(spread), atol=0.05, rtol=0)


def test_the_fused_layer_of_alae_is_nearest_and_convolution():
    fused = _FusedUp(2, 3)
    x = torch.rand(1, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    # A transposed convolution turns its kernel around.
    plain = F.conv2d(F.interpolate(x, scale_factor=2), fused.conv.weight.flip(2, 3), fused.conv.bias, padding=1)
    torch.testing.assert_close(fused(x), plain)


def test_a_blur_keeps_the_mean_inside():
    made = Blur((1.0, 2.0, 1.0), padding=(1, 1))(torch.ones(1, 2, 6, 6))
    torch.testing.assert_close(made[..., 1:-1, 1:-1], torch.ones(1, 2, 4, 4))


def test_decimation_undoes_alias_free_upsampling_of_what_lies_in_the_band():
    up = kaiser(2, taps=96, transition=0.08)
    f = 0.1  # of the coarse grid, well inside the band
    wave = torch.cos(2 * torch.pi * f * torch.arange(96.0, dtype=torch.float64)).expand(1, 1, 96, 96)
    there = LinearUpsampling(up)(wave)
    back = Decimation(tuple(tap / 2 for tap in up.taps))(there)
    torch.testing.assert_close(back[..., 30:-30, 30:-30], wave[..., 30:-30, 30:-30], atol=2e-3, rtol=0)


def constant_lines(name: str, *, layers: int = 2) -> float:
    """Height of the strongest line that a decoder with random weights leaves on a constant."""
    plan = Plan(layers=layers, width=8, content=8)
    model = make_miniature(name, plan=plan, seed=5).eval()
    source = torch.Generator().manual_seed(2)
    content = torch.randn(1, 8, 1, 1, generator=source).expand(1, 8, 24, 24)
    code = Code(
        content,
        torch.randn(1, plan.style, generator=source),
        tuple(torch.zeros(1, plan.skips, 24 * 2**k, 24 * 2**k) for k in range(1, layers)),
        torch.zeros(1, plan.layout, 24 * 2**layers, 24 * 2**layers),
    )
    with torch.no_grad():
        made = model.double().decoder(
            Code(
                code.content.double(), code.style.double(), tuple(s.double() for s in code.skips), code.layout.double()
            )
        )
    inner = made[0, :, 32:64, 32:64].numpy()
    spectrum = np.abs(np.fft.fft2(inner - inner.mean(axis=(1, 2), keepdims=True))) / 32**2
    return float(spectrum.max())


@pytest.mark.parametrize("name", ["dcgan", "pix2pix", "sitd", "san", "deepfake"])
def test_transposed_convolutions_and_pixel_shuffles_checker_a_constant(name):
    """Theory, 3 and 4. (Instance normalisation takes a constant away before it comes to CycleGAN's first layer.)"""
    assert constant_lines(name) > 1e-5


@pytest.mark.parametrize(
    "name", ["progan", "stylegan", "biggan", "gaugan", "ldm_vae", "alae", "stylegan2", "stylegan3"]
)
def test_interpolation_leaves_a_constant_constant(name):
    """Theory, 5: nearest and convolution show their lattice on structure only, and so does a transposed
    convolution behind StyleGAN2's filter, whose null is where the line would be; alias-free upsampling on nothing."""
    assert constant_lines(name) < 1e-9


def test_regenerate_pads_and_cuts_and_leaves_the_mode(rng):
    model = make_miniature("progan", plan=SMALL)
    images = [rng.integers(0, 256, (50, 71, 3), dtype=np.uint8) for _ in range(3)]
    made = model.regenerate(images, batch=2)
    assert model.training
    assert [image.shape for image in made] == [(50, 71, 3)] * 3
    assert made[0].dtype == np.uint8
    alone = model.regenerate(images[1:2])[0]
    assert np.abs(alone.astype(int) - made[1]).max() <= 1
    even = model.eval()(torch.from_numpy(images[0][:48, :68]).permute(2, 0, 1)[None] / 255)
    inner = (even[0].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    assert np.abs(inner[:32, :48].astype(int) - made[0][:32, :48]).max() <= 1


@pytest.mark.parametrize(
    "images",
    [
        [np.zeros((64, 64, 3), np.float32)],
        [np.zeros((64, 64), np.uint8)],
        [np.zeros((16, 64, 3), np.uint8)],
        [np.zeros((64, 64, 3), np.uint8), np.zeros((64, 80, 3), np.uint8)],
    ],
)
def test_regenerate_refuses_what_it_cannot_take(images):
    with pytest.raises(ValueError, match="uint8 of one shape"):
        make_miniature("progan", plan=SMALL).regenerate(images)


def test_photos_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"sides divisible by 4, got \(1, 3, 30, 32\)"):
        make_miniature("progan", plan=SMALL)(torch.zeros(1, 3, 30, 32))


def test_instance_normalised_families_keep_brightness_and_contrast():
    model = make_miniature("cyclegan", plan=SMALL).eval()
    photos = 0.2 + 0.1 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        one, brighter = model(photos), model(photos + 0.5)
    torch.testing.assert_close(brighter - one, torch.full_like(one, 0.5), atol=1e-4, rtol=0)


def test_alae_draws_and_mixes_styles():
    model = make_miniature("alae", plan=SMALL).eval()
    assert isinstance(model, ALAEMiniature)
    drawn = model.generate(2, seed=1, size=64)
    assert drawn.shape == (2, 3, 64, 64)
    assert torch.equal(drawn, model.generate(2, seed=1, size=64))
    assert not torch.equal(drawn, model.generate(2, seed=2, size=64))
    one, other = torch.rand(2, 1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(model.mix_styles(one, other, coarse=0), model.reconstruct(one).clamp(0, 1))
        assert not torch.equal(model.mix_styles(one, other, coarse=2), model.mix_styles(one, other, coarse=4))
        assert torch.equal(model.mix_styles(one, one), model.reconstruct(one).clamp(0, 1))
        content = model.encode(one).content
    dressed = [model.generate(1, seed=seed, size=64, content=content) for seed in (1, 2)]
    assert not torch.equal(*dressed)  # other styles
    assert not torch.equal(dressed[0], drawn[:1])  # other content
    for bad in ({"count": 0}, {"count": 1, "size": 30}):
        with pytest.raises(ValueError, match="count must"):
            model.generate(**bad)
    with pytest.raises(ValueError, match="coarse must"):
        model.mix_styles(one, other, coarse=5)


def test_predictions_are_where_layers_of_two_leave_lines():
    lattice = predicted_lattice("cyclegan")
    assert (lattice.factor, lattice.denominators) == (4, (2, 4))
    assert len(lattice.points) == 15
    assert {tuple(point) for point in lattice.points} >= {(-0.5, -0.5), (0.25, 0.0), (0.0, -0.25)}
    assert predicted_lattice("ldm_vae").factor == 8
    assert predicted_lattice("dcgan", layers=4).factor == 16
    none = predicted_lattice("stylegan3")
    assert (none.factor, none.denominators, none.points.shape) == (None, (), (0, 2))
    with pytest.raises(ValueError, match="layers must"):
        predicted_lattice("dcgan", layers=0)


def test_names_are_checked_and_all_is_all():
    assert named_families(["all"]) == list(FAMILIES)
    assert named_families(["san", "san", "crn"]) == ["san", "crn"]
    with pytest.raises(ValueError, match=r"family must .*got 'glow'"):
        find_family("glow")
    with pytest.raises(ValueError, match="width must"):
        Plan(width=0)
