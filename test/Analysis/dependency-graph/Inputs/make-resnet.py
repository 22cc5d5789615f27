#!/usr/bin/env python3
"""Prints ResNet-18 (He et al., 2016) as a module with splat weights and batch norms of their own.

Names are those of torchvision: conv1, bn1, layer1.0.conv1, layer1.0.bn1, ..., fc.
"""


class Writer:
    def __init__(self):
        self.weights, self.body, self.count = [], [], 0

    def load(self, name, *shape):
        kind = f"tensor<{'x'.join(map(str, shape))}xf32>"
        self.weights.append(f"compress.weight private @{name} : {kind} = dense<0.1>")
        return self.add(f"compress.load @{name} : {kind}"), kind

    def add(self, text):
        self.count += 1
        self.body.append(f"  %{self.count} = {text}")
        return f"%{self.count}"

    def conv(self, x, name, outputs, kernel, stride, padding):
        value, (batch, inputs, height, width) = x
        w, kind = self.load(f"{name}.weight", outputs, inputs, kernel, kernel)
        shape = (batch, outputs, (height + 2 * padding - kernel) // stride + 1,
                 (width + 2 * padding - kernel) // stride + 1)
        y = self.add(
            f"compress.conv {value}, {w} {{strides = array<i64: {stride}, {stride}>, "
            f"pads = array<i64: {padding}, {padding}, {padding}, {padding}>, "
            f'dilations = array<i64: 1, 1>, name = "{name}"}} : '
            f"({tensor(x[1])}, {kind}) -> {tensor(shape)}")
        return y, shape

    def norm(self, x, name):
        names = ("weight", "bias", "running_mean", "running_var")
        operands = [self.load(f"{name}.{part}", x[1][1]) for part in names]
        values = ", ".join([x[0], *(value for value, _ in operands)])
        kinds = ", ".join([tensor(x[1]), *(kind for _, kind in operands)])
        return self.add(f"compress.batch_norm {values} : ({kinds}) -> {tensor(x[1])}"), x[1]

    def relu(self, x):
        return self.add(f"compress.relu {x[0]} : ({tensor(x[1])}) -> {tensor(x[1])}"), x[1]

    def block(self, x, name, outputs, stride):
        y = self.relu(self.norm(self.conv(x, f"{name}.conv1", outputs, 3, stride, 1), f"{name}.bn1"))
        y = self.norm(self.conv(y, f"{name}.conv2", outputs, 3, 1, 1), f"{name}.bn2")
        if stride != 1 or x[1][1] != outputs:
            x = self.norm(self.conv(x, f"{name}.downsample.0", outputs, 1, stride, 0),
                          f"{name}.downsample.1")
        kind = tensor(y[1])
        return self.relu((self.add(f"compress.add {y[0]}, {x[0]} : ({kind}, {kind}) -> {kind}"),
                          y[1]))


def tensor(shape):
    return f"tensor<{'x'.join(map(str, shape))}xf32>"


def main():
    w = Writer()
    shape = (1, 3, 224, 224)
    x = w.relu(w.norm(w.conv(("%x", shape), "conv1", 64, 7, 2, 3), "bn1"))
    pooled = (1, 64, 56, 56)
    x = w.add(
        f"compress.pool max {x[0]} {{kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, "
        f"pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>}} : "
        f"({tensor(x[1])}) -> {tensor(pooled)}"), pooled
    for i, channels in enumerate((64, 128, 256, 512)):
        for j in range(2):
            x = w.block(x, f"layer{i + 1}.{j}", channels, 2 if i > 0 and j == 0 else 1)
    mean = w.add("compress.reduce mean " + x[0] + " {axes = array<i64: 2, 3>, keepdims = false} : "
                 f"({tensor(x[1])}) -> tensor<1x512xf32>")
    f, kind = w.load("fc.weight", 1000, 512)
    b, bias = w.load("fc.bias", 1000)
    y = w.add(f'compress.linear nk {mean}, {f} bias {b} {{name = "fc"}} : '
              f"(tensor<1x512xf32>, {kind}, {bias}) -> tensor<1x1000xf32>")
    print("\n".join([*w.weights, "func.func @main(%x: " + tensor(shape) + ") -> tensor<1x1000xf32> {",
                     *w.body, f"  return {y} : tensor<1x1000xf32>", "}"]))


if __name__ == "__main__":
    main()
