"""Converts the published ONNX files of YuNet and SFace to the safetensors that the crate compiles in.

    pip install -r requirements.txt
    python convert.py FOLDER_OF_ONNX_FILES [--out ../weights]

FOLDER holds `face_detection_yunet_2023mar.onnx` and `face_recognition_sface_2021dec.onnx` as published by
the OpenCV model zoo (https://github.com/opencv/opencv_zoo, `models/face_detection_yunet`,
`models/face_recognition_sface`). Their sha256 is checked first, so the result is the same, byte for byte,
wherever this runs.

What changes on the way, and what does not:
- Batch norms are folded into the convolution or matrix before them (SFace), or behind them (the one between
  the last convolution and the fully connected layer), in float64, rounded once at the end.
- YuNet's four heads of a level (cls 1, obj 1, bbox 4, kps 10 channels) become one of 16 channels, in this
  order; the sigmoid over cls and obj stays outside the weights.
- YuNet's first convolution takes RGB instead of BGR: its input channels are swapped.
- SFace's fully connected layer reads the last feature map as rows, columns, channels (it was channels, rows,
  columns), because that is how activations lie in memory here.
- The normalisation (x - 127.5) / 128 at SFace's input stays outside the weights, because the first
  convolution pads with zeros behind it.
"""

import argparse
import hashlib
import json
import pathlib

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import save

YUNET = ("face_detection_yunet_2023mar", "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4")
SFACE = ("face_recognition_sface_2021dec", "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79")


def load(folder, model):
    """The graph of a published file and its initialisers as float64, after its sha256 was checked."""
    name, expected = model
    data = (pathlib.Path(folder) / f"{name}.onnx").read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise SystemExit(f"{name}.onnx has sha256 {found}, but {expected} is the published file")
    graph = onnx.load_from_string(data).graph
    return graph, {t.name: numpy_helper.to_array(t).astype(np.float64) for t in graph.initializer}


def yunet(folder):
    graph, init = load(folder, YUNET)
    convs = [n for n in graph.node if n.op_type == "Conv"]
    weights = [(init[n.input[1]], init[n.input[2]]) for n in convs]
    out = {}

    def put(name, weight, bias):
        out[f"{name}.weight"], out[f"{name}.bias"] = weight, bias

    stem, rest = weights[0], weights[1:]
    assert stem[0].shape == (16, 3, 3, 3)
    put("stem", stem[0][:, ::-1], stem[1])  # BGR -> RGB

    # Backbone: 11 pairs of pointwise and depthwise; neck: 3 more, from the deepest level upwards.
    for i in range(14):
        (pw, pw_bias), (dw, dw_bias) = rest[2 * i], rest[2 * i + 1]
        assert pw.shape[2:] == (1, 1) and dw.shape[1:] == (1, 3, 3)
        name = f"backbone.{i}" if i < 11 else f"neck.{13 - i}"
        put(f"{name}.pointwise", pw[:, :, 0, 0], pw_bias)
        put(f"{name}.depthwise", dw[:, 0], dw_bias)

    # Heads: found by name, one each of cls, obj, bbox and kps for the strides 8, 16 and 32.
    for level in range(3):
        for step, conv, squeeze in (("pointwise", "conv1", lambda w: w[:, :, 0, 0]), ("depthwise", "conv2", lambda w: w[:, 0])):
            heads = [f"bbox_head.multi_level_{h}.{level}.{conv}" for h in ("cls", "obj", "bbox", "kps")]
            put(
                f"head.{level}.{step}",
                np.concatenate([squeeze(init[f"{h}.weight"]) for h in heads]),
                np.concatenate([init[f"{h}.bias"] for h in heads]),
            )
    return {k: v.astype(np.float32) for k, v in out.items()}


def sface(folder):
    graph, init = load(folder, SFACE)
    epsilon = {n.name: a.f for n in graph.node if n.op_type == "BatchNormalization" for a in n.attribute if a.name == "epsilon"}
    out = {}

    def norm(name, key=None):
        """A batch norm as scale and shift."""
        gamma, beta, mean, var = (init[f"{name}_{p}"] for p in ("gamma", "beta", "moving_mean", "moving_var"))
        scale = gamma / np.sqrt(var + epsilon[key or name])
        return scale, beta - mean * scale

    def put(name, conv):
        weight = init[f"{conv}_conv2d_weight"]
        scale, shift = norm(f"{conv}_batchnorm")
        weight = weight * scale[:, None, None, None]
        if weight.shape[2:] == (1, 1):
            weight = weight[:, :, 0, 0]
        elif weight.shape[1] == 1:
            weight = weight[:, 0]
        out[f"{name}.weight"], out[f"{name}.bias"] = weight, shift
        out[f"{name}.slope"] = init[f"{conv}_relu_gamma"].reshape(-1)

    put("stem", "conv_1")
    for i in range(2, 15):
        put(f"blocks.{i - 2}.depthwise", f"conv_{i}_dw")
        put(f"blocks.{i - 2}.pointwise", f"conv_{i}")

    before, before_shift = norm("bn1")
    after, after_shift = norm("fc1")
    weight = init["pre_fc1_weight"].reshape(128, 1024, 49)
    bias = init["pre_fc1_bias"] + np.einsum("ocp,c->o", weight, before_shift)
    weight = weight * before[None, :, None] * after[:, None, None]
    out["fc.weight"] = np.ascontiguousarray(weight.transpose(0, 2, 1)).reshape(128, 49 * 1024)
    out["fc.bias"] = bias * after + after_shift
    # Half precision where the numbers are (pointwise convolutions, last layer); the depthwise and the first
    # convolution, 1 % of the weights, cause most of the rounding error and stay in single precision.
    half = lambda name: name == "fc.weight" or name.endswith("pointwise.weight")
    return {k: v.astype(np.float16 if half(k) else np.float32) for k, v in out.items()}


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("folder", help="where the two ONNX files are")
    args.add_argument("--out", default=pathlib.Path(__file__).parent.parent / "weights", type=pathlib.Path)
    args = args.parse_args()
    for name, tensors, source in (
        ("yunet-2023mar", yunet(args.folder), YUNET),
        ("sface-2021dec", sface(args.folder), SFACE),
    ):
        for key, value in tensors.items():
            assert np.isfinite(value).all(), key
        tensors = {k: np.ascontiguousarray(v) for k, v in tensors.items()}
        data = save(tensors, metadata={"source": json.dumps({"file": f"{source[0]}.onnx", "sha256": source[1]})})
        (args.out / f"{name}.safetensors").write_bytes(data)
        print(f"{hashlib.sha256(data).hexdigest()}  {name}.safetensors  {len(data)} bytes, {len(tensors)} tensors")


if __name__ == "__main__":
    main()
