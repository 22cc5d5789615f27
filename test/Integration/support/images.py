"""Image sets of the shared assets, prepared as each model expects: (inputs, labels)."""

import csv
import gzip
import zipfile

import numpy as np


def mnist(folder, rows):
    """MNIST test images as float32 [n, 1, 28, 28] in 0 to 1, with their labels."""
    pixels = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes())
    inputs = np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 1, 28, 28)[rows]
    return (inputs / np.float32(255)).astype(np.float32), np.frombuffer(labels, np.uint8, offset=8)[rows]


def cifar10(path):
    """The 242 CIFAR-10 test images, normalised; the archive's raw tensors are read directly."""
    with zipfile.ZipFile(path) as archive:
        pixels = np.frombuffer(archive.read("data/data/0"), "<f4").reshape(242, 3, 32, 32)
        labels = np.frombuffer(archive.read("data/data/1"), "<i8")
    mean = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
    deviation = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)
    return (pixels - mean) / deviation, labels


def imagenet(folder, prepare, label_column):
    """The sample images, prepared; those without a label in the column are left out."""
    from PIL import Image

    inputs, labels = [], []
    with open(folder / "labels.tsv", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            if row[label_column] in ("", "-1"):
                continue
            with Image.open(folder / row["file"]) as image:
                inputs.append(prepare(image.convert("RGB")))
            labels.append(int(row[label_column]))
    return np.stack(inputs), np.array(labels)


def prepare_squeezenet(image):
    """Shorter side to 256 (bilinear), centre crop 227, BGR minus the channel means."""
    from PIL import Image

    scale = 256 / min(image.size)
    size = tuple(round(side * scale) for side in image.size)
    pixels = np.asarray(image.resize(size, Image.BILINEAR), np.float32)
    top, left = (pixels.shape[0] - 227) // 2, (pixels.shape[1] - 227) // 2
    crop = pixels[top : top + 227, left : left + 227, ::-1]
    return (crop - np.array([104, 117, 123], np.float32)).transpose(2, 0, 1)


def prepare_vit_tiny(image):
    """To 64 x 64 (box), then 224 x 224 (bilinear), to -1 .. 1."""
    from PIL import Image

    small = image.resize((64, 64), Image.BOX).resize((224, 224), Image.BILINEAR)
    return ((np.asarray(small, np.float32) / 255 - 0.5) / 0.5).transpose(2, 0, 1)
