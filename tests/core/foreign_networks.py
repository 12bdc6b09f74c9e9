"""Small networks with the layers, names and forward passes of two programs, written for the tests.

What they do was read in the programs' sources: milesial/Pytorch-UNet (unet/) and
ajstyle007/U-Net-Paper-Implementation-Car-Segmentation- (WebApp/unet.py, Unet_training.ipynb).
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def block(*channels: int, norm: bool = True, bias: bool = True, padding: int = 1) -> nn.Sequential:
    """Convolutions from one number of channels to the next, each with (norm and) ReLU."""
    layers: list[nn.Module] = []
    for source, target in itertools.pairwise(channels):
        layers.append(nn.Conv2d(source, target, 3, padding=padding, bias=bias))
        layers += [nn.BatchNorm2d(target)] if norm else []
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class Named(nn.Module):
    """Gives its one layer another name, as `inc.double_conv.0.weight` needs it."""

    def __init__(self, **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = layer(x)
        return x


class PytorchUNet(nn.Module):
    """milesial's: four levels, (skip, way up) joined, zeros where a pooling dropped a row."""

    def __init__(
        self, width: int = 4, classes: int = 2, *, bilinear: bool = False, bias: bool = False
    ) -> None:
        super().__init__()
        w = [width << level for level in range(5)]
        w[4] //= 2 if bilinear else 1
        self.bilinear = bilinear
        self.inc = Named(double_conv=block(3, w[0], w[0], bias=bias))
        for level in range(1, 5):
            convs = Named(double_conv=block(w[level - 1], w[level], w[level], bias=bias))
            self.add_module(
                f"down{level}", Named(maxpool_conv=nn.Sequential(nn.MaxPool2d(2), convs))
            )
        below = w[4]
        for place in range(1, 5):
            skip = w[4 - place]
            out = skip // 2 if bilinear and place < 4 else skip
            convs = Named(double_conv=block(2 * skip, skip, out, bias=bias))
            up = {} if bilinear else {"up": nn.ConvTranspose2d(below, skip, 2, 2)}
            self.add_module(f"up{place}", Named(**up, conv=convs))
            below = out
        self.outc = Named(conv=nn.Conv2d(w[0], classes, 1))

    def forward(self, x: Tensor) -> Tensor:
        skips = [self.inc(x)]
        for level in range(1, 5):
            skips.append(getattr(self, f"down{level}")(skips[-1]))
        x = skips.pop()
        for place in range(1, 5):
            step = getattr(self, f"up{place}")
            x = (
                F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
                if (self.bilinear)
                else step.up(x)
            )
            skip = skips.pop()
            rows, columns = (skip.shape[i] - x.shape[i] for i in (2, 3))
            sides = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
            x = step.conv(torch.cat([skip, F.pad(x, sides)], dim=1))
        return self.outc(x)

    def probability(self, x: Tensor) -> Tensor:
        """(N, H, W): softmax's second class, or the sigmoid of the only one."""
        logits = self(x)
        return logits.softmax(1)[:, 1] if logits.shape[1] == 2 else logits.sigmoid()[:, 0]


class CarSegmentation(nn.Module):
    """The starting point: (way up, skip) joined, the decoders' second convolution narrows."""

    def __init__(
        self, width: int = 4, *, norm: bool = True, padding: int = 1, plain_up: bool = False
    ) -> None:
        super().__init__()
        w = [width << level for level in range(5)]
        for level, (source, target) in enumerate(zip([3, *w], w, strict=False), 1):
            convs = block(source, target, target, norm=norm, padding=padding)
            self.add_module(f"encoder{level}", convs)
        below = w[4]
        for place in range(1, 5):
            skip = w[4 - place]
            out = max(skip // 2, w[0])
            up: nn.Module = nn.ConvTranspose2d(below, skip, 2, 2)
            if not plain_up:
                norms = [nn.BatchNorm2d(skip)] if norm else []
                up = nn.Sequential(up, *norms, nn.ReLU(inplace=True))
            self.add_module(f"upconv_{place}", up)
            convs = block(2 * skip, skip, out, norm=norm, padding=padding)
            self.add_module(f"decoder{place}", convs)
            below = out
        self.final_conv = nn.Conv2d(w[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level in range(1, 6):
            x = F.max_pool2d(x, 2) if level > 1 else x
            x = getattr(self, f"encoder{level}")(x)
            skips.append(x)
        skips.pop()
        for place in range(1, 5):
            x = getattr(self, f"upconv_{place}")(x)
            skip = skips.pop()
            top, left = ((skip.shape[i] - x.shape[i]) // 2 for i in (2, 3))
            skip = skip[:, :, top : top + x.shape[2], left : left + x.shape[3]]
            x = getattr(self, f"decoder{place}")(torch.cat([x, skip], dim=1))
        return self.final_conv(x)

    def probability(self, x: Tensor) -> Tensor:
        """(N, H, W)."""
        return self(x).sigmoid()[:, 0]


def lived_in(network: nn.Module) -> nn.Module:
    """Gives every tensor values as after a training: none is 0 or 1, and answers vary."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        if not tensor.is_floating_point():
            continue
        drawn = torch.randn(tensor.shape, generator=generator)
        if tensor.ndim == 4:
            kernel_inputs = tensor[0].numel() if tensor.shape[-1] != 2 else tensor.shape[0]
            tensor.copy_(drawn * (2 / kernel_inputs) ** 0.5)
        elif name.endswith("running_var"):
            tensor.copy_(drawn.abs() + 0.5)
        else:
            tensor.copy_(drawn * 0.3 + name.endswith("weight"))
    return network.eval()
