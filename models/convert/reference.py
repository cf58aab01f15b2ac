"""Makes the stored reference outputs that the crate's tests hold its networks against.

    pip install -r requirements.txt
    python reference.py FOLDER_OF_ONNX_FILES [--out ../tests/data]

Input is `astronaut.png` in the output folder (see PROVENANCE.md there). The networks are run by ONNX Runtime,
detection and alignment as a whole by OpenCV. Written are

- `yunet.safetensors`: YuNet's raw outputs for the picture (250×230, padded with zeros to 256×256) and for a part
  of it whose sides are multiples of 32 (128×160, its corner at 160,48);
- `nanodet.safetensors`: NanoDet-g's raw outputs for a part of 128×160 with its corner at 122,48;
- `aligned.png`: OpenCV's aligned crop of the face;
- `reference.json`: OpenCV's detection, and SFace's raw output for `aligned.png`.
"""

import argparse
import json
import pathlib

import cv2
import numpy as np
import onnx
import onnxruntime
from nanodet import WEIGHTS, onnx_of
from safetensors.numpy import save_file

PART = (160, 48, 128, 160)  # left, top, width, height
# Wholly inside the picture.
PERSON_PART = (122, 48, 128, 160)


def session(path, dynamic=()):
    """A single-threaded session; `dynamic` input axes lose their fixed size."""
    model = onnx.load(path)
    for axis in dynamic:
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = f"axis{axis}"
    for output in model.graph.output if dynamic else ():
        output.type.tensor_type.ClearField("shape")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("folder", type=pathlib.Path)
    args.add_argument("--out", default=pathlib.Path(__file__).parent.parent / "tests/data", type=pathlib.Path)
    args = args.parse_args()
    yunet = str(args.folder / "face_detection_yunet_2023mar.onnx")
    sface = str(args.folder / "face_recognition_sface_2021dec.onnx")
    picture = cv2.imread(str(args.out / "astronaut.png"))

    network = session(yunet, dynamic=(2, 3))
    names = [o.name for o in network.get_outputs()]
    left, top, width, height = PART
    raw = {}
    for label, frame in (("whole", picture), ("part", picture[top : top + height, left : left + width])):
        rows, cols = (-(-side // 32) * 32 for side in frame.shape[:2])
        padded = np.zeros((rows, cols, 3), np.float32)
        padded[: frame.shape[0], : frame.shape[1]] = frame
        outputs = network.run(names, {"input": padded.transpose(2, 0, 1)[None]})
        raw |= {f"{label}.{name}": np.ascontiguousarray(value[0]) for name, value in zip(names, outputs)}
    save_file(raw, args.out / "yunet.safetensors")

    left, top, width, height = PERSON_PART
    part = picture[top : top + height, left : left + width, ::-1].astype(np.float32)
    nanodet = onnx_of(WEIGHTS.read_bytes(), width, height).SerializeToString()
    nanodet = onnxruntime.InferenceSession(nanodet, providers=["CPUExecutionProvider"])
    names = [o.name for o in nanodet.get_outputs()]
    outputs = nanodet.run(names, {"input": np.ascontiguousarray(part.transpose(2, 0, 1)[None])})
    # Cell by cell, as the crate's maps are.
    cells = {name: np.ascontiguousarray(value[0].reshape(value.shape[1], -1).T) for name, value in zip(names, outputs)}
    save_file(cells, args.out / "nanodet.safetensors")

    detector = cv2.FaceDetectorYN.create(yunet, "", picture.shape[1::-1], 0.6, 0.3, 5000)
    faces = detector.detect(picture)[1]
    recognizer = cv2.FaceRecognizerSF.create(sface, "")
    aligned = recognizer.alignCrop(picture, faces[0])
    cv2.imwrite(str(args.out / "aligned.png"), aligned, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    rgb = cv2.cvtColor(aligned, cv2.COLOR_BGR2RGB).astype(np.float32).transpose(2, 0, 1)[None]
    (feature,) = session(sface).run(None, {"data": rgb})
    reference = {
        "versions": {"onnxruntime": onnxruntime.__version__, "opencv": cv2.__version__},
        "part": PART,
        # x, y, width, height, five landmarks, score
        "faces": [[float(v) for v in face] for face in faces],
        "feature": [float(v) for v in feature[0]],
    }
    (args.out / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    main()
