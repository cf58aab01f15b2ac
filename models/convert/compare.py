"""Holds `hadir-agent detect` and `embed` against ONNX Runtime and OpenCV on pictures of your own.

    pip install -r requirements.txt
    python compare.py --agent hadir-agent --models FOLDER_OF_ONNX_FILES PICTURE…

For each picture: OpenCV detects (score 0.6, overlap 0.3, 5,000 boxes, the picture's own size), aligns and embeds
its main face; the agent does the same from the picture (whole path), and embeds OpenCV's crop (network alone,
held against ONNX Runtime). Prints the worst of each; exit status 1 when a bound is missed.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import cv2
import numpy as np
import onnxruntime


def agent(binary, *arguments):
    done = subprocess.run([binary, *map(str, arguments), "--json"], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--agent", required=True)
    args.add_argument("--models", required=True, type=pathlib.Path)
    args.add_argument("pictures", nargs="+", type=pathlib.Path)
    args = args.parse_args()
    yunet = str(args.models / "face_detection_yunet_2023mar.onnx")
    sface = str(args.models / "face_recognition_sface_2021dec.onnx")
    recognizer = cv2.FaceRecognizerSF.create(sface, "")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(sface, options, providers=["CPUExecutionProvider"])

    crops, raw, whole, counts, landmarks = [], [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for i, path in enumerate(args.pictures):
            picture = cv2.imread(str(path))
            height, width = picture.shape[:2]
            faces = cv2.FaceDetectorYN.create(yunet, "", (width, height), 0.6, 0.3, 5000).detect(picture)[1]
            if faces is None:
                raise SystemExit(f"OpenCV finds no face in {path}")
            # The same choice as the agent's: area less twice the squared distance from the middle.
            centre = faces[:, :2] + faces[:, 2:4] / 2 - (width / 2, height / 2)
            face = faces[np.argmax(faces[:, 2] * faces[:, 3] - 2 * (centre**2).sum(axis=1))]
            crop = recognizer.alignCrop(picture, face)
            crops.append(pathlib.Path(folder) / f"{i}.png")
            cv2.imwrite(str(crops[-1]), crop)
            whole.append(recognizer.feature(crop)[0])
            rgb = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB).astype(np.float32).transpose(2, 0, 1)[None]
            raw.append(session.run(None, {"data": rgb})[0][0])
            counts.append(len(faces))
            landmarks.append(face[4:14].reshape(5, 2))
        ours_aligned = agent(args.agent, "embed", "--aligned", *crops)
    ours_whole = agent(args.agent, "embed", *args.pictures)
    found = agent(args.agent, "detect", *args.pictures)

    unit = lambda vectors: np.array([v / np.linalg.norm(v) for v in np.array(vectors, np.float64)])
    aligned = np.array([line["embedding"] for line in ours_aligned])
    cosine = (unit(raw) * unit(aligned)).sum(axis=1)
    difference = np.abs(unit(raw) - aligned).max()
    path_cosine = (unit(whole) * unit([line["embedding"] for line in ours_whole])).sum(axis=1)
    points = np.abs(np.array([line["landmarks"] for line in ours_whole]) - np.array(landmarks)).max()
    other_counts = sum(len(line["faces"]) != count for line, count in zip(found, counts))
    print(f"{len(args.pictures)} pictures")
    print(f"network against ONNX Runtime: cosine at least {cosine.min():.7f}, largest difference {difference:.2e}")
    print(f"whole path against OpenCV: cosine at least {path_cosine.min():.6f}, median {np.median(path_cosine):.6f}")
    print(f"landmarks differ by at most {points:.3f} px; another number of faces in {other_counts} pictures")
    if cosine.min() < 0.9999 or difference > 1e-3 or path_cosine.min() < 0.99:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
