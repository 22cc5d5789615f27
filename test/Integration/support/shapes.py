"""Modules with the shapes of well-known networks, whose weights are splats: no bytes."""


class ModuleWriter:
    """Writes a module of one function, op by op. Values are (name, shape); None is unknown."""

    def __init__(self):
        self.weights = []
        self.body = []

    @staticmethod
    def type(shape):
        return "tensor<" + "".join(f"{'?' if d is None else d}x" for d in shape) + "f32>"

    def weight(self, name, *shape, value="0.01"):
        kind = self.type(shape)
        self.weights.append(f"compress.weight private @{name} : {kind} = dense<{value}>")
        return self.add(f"compress.load @{name} : {kind}", shape)

    def constant(self, value, kind):
        name = f"%{len(self.body)}"
        self.body.append(f"{name} = compress.constant dense<{value}> : {kind}")
        return name

    def add(self, text, shape):
        name = f"%{len(self.body)}"
        self.body.append(f"{name} = {text}")
        return name, shape

    def op(self, op, operands, shape, attributes="", separators=None):
        """`op` on values; `separators` are the texts before the operands but the first."""
        separators = separators or [", "] * (len(operands) - 1)
        names = operands[0][0]
        for separator, operand in zip(separators, operands[1:], strict=True):
            names += separator + operand[0]
        types = ", ".join(self.type(operand[1]) for operand in operands)
        attributes = f" {{{attributes}}}" if attributes else ""
        return self.add(
            f"compress.{op} {names}{attributes} : ({types}) -> {self.type(shape)}", shape
        )

    def linear(self, name, x, out, bias=False):
        operands = [x, self.weight(name + ".w", out, x[1][-1])]
        if bias:
            operands.append(self.weight(name + ".b", out))
        separators = [", ", " bias "][: len(operands) - 1]
        return self.op(
            "linear nk", operands, (*x[1][:-1], out), f'name = "{name}"', separators
        )

    def conv(self, name, x, out, kernel, stride=1):
        pad = kernel // 2
        batch, channels, height, width = x[1]
        w = self.weight(name + ".w", out, channels, kernel, kernel)
        size = [(d + 2 * pad - kernel) // stride + 1 for d in (height, width)]
        return self.op(
            "conv", [x, w], (batch, out, *size), f'name = "{name}", ' + windows(pad, stride)
        )

    def batch_norm(self, name, x):
        channels = x[1][1]
        parts = [
            self.weight(f"{name}.{part}", channels, value=value)
            for part, value in (("g", "1.0"), ("b", "0.0"), ("m", "0.0"), ("v", "1.0"))
        ]
        return self.op("batch_norm", [x, *parts], x[1])

    def reshape(self, x, shape, target):
        kind = f"tensor<{len(target)}xi64>"
        constant = self.constant(list(target), kind)
        return self.add(
            f"compress.reshape {x[0]}, {constant} : ({self.type(x[1])}, {kind}) -> "
            f"{self.type(shape)}",
            shape,
        )

    def finish(self, arguments, result):
        """The text; `arguments` are (name, type) pairs."""
        inputs = ", ".join(f"{name}: {kind}" for name, kind in arguments)
        kind = self.type(result[1])
        lines = [*self.weights, f"func.func @main({inputs}) -> {kind} {{"]
        lines += ["  " + line for line in self.body]
        return "\n".join([*lines, f"  return {result[0]} : {kind}", "}", ""])


def windows(pad, stride):
    return (
        f"pads = array<i64: {pad}, {pad}, {pad}, {pad}>, strides = array<i64: {stride}, {stride}>, "
        "dilations = array<i64: 1, 1>"
    )


def resnet18():
    """ResNet-18 for images of 224 x 224 (He et al., 2015), as torchvision has it."""
    m = ModuleWriter()
    x = ("%x", (1, 3, 224, 224))
    y = m.op("relu", [m.batch_norm("bn1", m.conv("conv1", x, 64, 7, 2))], (1, 64, 112, 112))
    y = m.op("pool max", [y], (1, 64, 56, 56), "kernel = array<i64: 3, 3>, " + windows(1, 2))
    for stage, channels in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            z = m.batch_norm(name + ".bn1", m.conv(name + ".conv1", y, channels, 3, stride))
            z = m.op("relu", [z], z[1])
            z = m.batch_norm(name + ".bn2", m.conv(name + ".conv2", z, channels, 3))
            if stride == 2:
                y = m.conv(name + ".downsample.0", y, channels, 1, stride)
                y = m.batch_norm(name + ".downsample.1", y)
            y = m.op("add", [z, y], z[1])
            y = m.op("relu", [y], z[1])
    y = m.op("reduce mean", [y], (1, 512, 1, 1), "axes = array<i64: 2, 3>, keepdims = true")
    y = m.linear("fc", m.reshape(y, (1, 512), (1, -1)), 1000, bias=True)
    return m.finish([("%x", "tensor<1x3x224x224xf32>")], y)


def llama(blocks=32, dim=4096, heads=32, hidden=11008, vocabulary=32000):
    """LLaMA (Touvron et al., 2023); the defaults are those of 7B."""
    m = ModuleWriter()
    size = dim // heads
    wave = (None, None, 1, size)
    table = m.weight("embed.w", vocabulary, dim)
    x = m.add(
        f'compress.embedding {table[0]}, %i {{name = "embed"}} : ({m.type(table[1])}, '
        f"tensor<?x?xi64>) -> {m.type((None, None, dim))}",
        (None, None, dim),
    )

    def norm(name, x):
        return m.op("rms_norm", [x, m.weight(name, dim, value="1.0")], x[1], "axis = 2 : i64")

    for block in range(blocks):
        name = f"layers.{block}"
        n = norm(name + ".norm1", x)
        parts = []
        for part in "qkv":
            y = m.linear(f"{name}.{part}", n, dim)
            y = m.reshape(y, (None, None, heads, size), (0, 0, heads, size))
            if part != "v":
                y = m.op("rotary_embedding", [y, ("%cos", wave), ("%sin", wave)], y[1])
            parts.append(y)
        y = m.op("attention bshd", parts, parts[0][1], "scale = 0.1 : f32")
        y = m.linear(name + ".o", m.reshape(y, (None, None, dim), (0, 0, -1)), dim)
        x = m.op("add", [x, y], x[1])
        n = norm(name + ".norm2", x)
        gate = m.linear(name + ".gate", n, hidden)
        gate = m.op("mul", [gate, m.op("sigmoid", [gate], gate[1])], gate[1])
        y = m.op("mul", [gate, m.linear(name + ".up", n, hidden)], gate[1])
        x = m.op("add", [x, m.linear(name + ".down", y, dim)], x[1])
    y = m.linear("lm_head", norm("norm", x), vocabulary)
    kind = m.type(wave)
    return m.finish([("%i", "tensor<?x?xi64>"), ("%cos", kind), ("%sin", kind)], y)
