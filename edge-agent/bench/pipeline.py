"""How much processor time the agent takes for a recording, beside a plain OpenCV program: `make bench-pipeline`.

    python pipeline.py --agent hadir-agent --models FOLDER --clip CLIP [--gallery DIR] [--rounds 3] [--width PIXELS]

Both decode with one thread, both detect at the same width. The OpenCV program is what one would write first:
FaceDetectorYN on every frame, FaceRecognizerSF on every face, the person whose picture is most alike from the
published threshold on. The agent runs its own pipeline (`test-recording`), which looks where something moves and
embeds the views that are worth it.

Without --gallery the people of the tests' portraits are looked for. Processor time is what the system counts for a process and its children. What decoding alone takes (ffmpeg, to
nowhere) is measured too and taken off both. The rounds take turns; printed are medians.
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "models" / "bench"))

YUNET = "face_detection_yunet_2023mar.onnx"
SFACE = "face_recognition_sface_2021dec.onnx"
# As published with the two networks.
SCORE, SAME = 0.6, 0.363
PICTURES = {".jpg", ".jpeg", ".png"}


def opencv_program(models, clip, gallery, width):
    """The plain program. Prints who was named in how many frames."""
    import cv2

    cv2.setNumThreads(1)
    detector = cv2.FaceDetectorYN.create(str(models / YUNET), "", (width, width), SCORE)
    recogniser = cv2.FaceRecognizerSF.create(str(models / SFACE), "")

    def faces(frame):
        scale = min(1.0, width / max(frame.shape[:2]))
        small = frame if scale == 1.0 else cv2.resize(frame, None, fx=scale, fy=scale)
        detector.setInputSize((small.shape[1], small.shape[0]))
        found = detector.detect(small)[1]
        if found is None:
            return []
        found[:, :14] /= scale
        return [recogniser.feature(recogniser.alignCrop(frame, face)).copy() for face in found]

    people = {}
    for picture in sorted(gallery.glob("*/*")):
        if picture.suffix.lower() in PICTURES:
            embedded = faces(cv2.imread(str(picture)))
            people.setdefault(picture.parent.name, []).extend(embedded[:1])
    video = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    named, frames = collections.Counter(), 0
    while True:
        there, frame = video.read()
        if not there:
            break
        frames += 1
        for embedding in faces(frame):
            scores = {
                name: max(recogniser.match(embedding, known) for known in templates)
                for name, templates in people.items()
            }
            best = max(scores, key=scores.get, default=None)
            if best is not None and scores[best] >= SAME:
                named[best] += 1
    print(json.dumps({"frames": frames, "named": named}))


def processor_time(command):
    """Seconds of processor time of a command and its children, and what it printed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(command, stdout=out, stderr=errors, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read().decode()
        errors.seek(0)
        complaints = errors.read().decode(errors="replace")
    if child.returncode != 0:
        raise SystemExit(f"{command[0]} failed with {child.returncode}: {complaints[-500:]}")
    return usage.ru_utime + usage.ru_stime, said


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--agent", default="target/release/hadir-agent")
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--clip", type=pathlib.Path, required=True)
    parser.add_argument("--gallery", type=pathlib.Path, help="a folder for each person, with pictures")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--width", type=int, help="what the detectors see, in pixels; by itself the agent's own choice")
    parser.add_argument("--opencv-only", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def portraits(folder):
    """The tests' portraits as a gallery."""
    for picture in sorted((REPOSITORY / "tests" / "fixtures" / "portraits").glob("*.jpg")):
        person = folder / picture.stem.split("-")[0]
        person.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, person)
    return folder


def main():
    args = arguments()
    if args.opencv_only:
        return opencv_program(args.models, args.clip, args.gallery, args.width)
    from peers import fetch

    fetch(args.models)
    with tempfile.TemporaryDirectory() as folder:
        args.gallery = args.gallery or portraits(pathlib.Path(folder))
        compare(args)


def compare(args):
    probe = ["ffprobe", "-v", "error", "-select_streams", "v:0"]
    probe += ["-show_entries", "stream=width,height:format=duration", "-of", "json", args.clip]
    probed = json.loads(subprocess.run(probe, check=True, capture_output=True, text=True).stdout)
    seconds = float(probed["format"]["duration"])
    longest = max(probed["streams"][0][side] for side in ["width", "height"])
    # As the agent has it (pipeline/detect_width.rs), which scales frames down to 1920 pixels before.
    args.width = args.width or max(640, round(min(longest, 1920) / 2.4))
    common = ["--gallery", args.gallery]
    decode = ["ffmpeg", "-nostdin", "-v", "error", "-threads", "1", "-i", args.clip, "-an", "-f", "null", "-"]
    ours = [args.agent, "test-recording", "--json", "--detect-width", str(args.width), *common, args.clip]
    theirs = [sys.executable, __file__, "--opencv-only", "--models", args.models, "--width", str(args.width)]
    theirs += [*common, "--clip", args.clip]
    # What starting and enrolling takes has nothing to do with the recording's length.
    still = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", args.clip, "-frames:v", "1", "-an"]
    with tempfile.TemporaryDirectory() as folder:
        short = pathlib.Path(folder) / "short.mp4"
        subprocess.run([*still, short], check=True)
        times = collections.defaultdict(list)
        for _ in range(args.rounds):
            for name, command in [("decode", decode), ("ours", ours), ("theirs", theirs)]:
                spent, said = processor_time([str(part) for part in command])
                if name != "decode":
                    start, _ = processor_time([str(short) if part is args.clip else str(part) for part in command])
                    spent -= start
                    if name == "ours":
                        ours_said = json.loads(said)
                    else:
                        theirs_said = json.loads(said)
                times[name].append(spent)
    clip = ours_said["clips"][0]
    hour = 3600 / seconds
    decode, ours, theirs = (statistics.median(times[name]) * hour for name in ["decode", "ours", "theirs"])
    print(f"{args.clip.name}: {seconds:.1f} s; detection at {args.width} pixels; processor seconds for an hour of it")
    print(f"  decoding alone             {decode:8.0f}")
    print(f"  hadir-agent                {ours:8.0f}   beyond decoding {ours - decode:8.0f}")
    print(f"  OpenCV, every frame        {theirs:8.0f}   beyond decoding {theirs - decode:8.0f}")
    measurable = ours - decode > 0.02 * (theirs - decode)
    ratio = f"{(theirs - decode) / (ours - decode):.1f}" if measurable else "not measurable, use a longer recording"
    print(f"  OpenCV / hadir-agent, beyond decoding: {ratio}")
    print(f"  named by hadir-agent: {', '.join(person['name'] for person in clip['people']) or 'nobody'}")
    frames = theirs_said["frames"]
    said = [f"{name} ({count} of {frames} frames)" for name, count in sorted(theirs_said["named"].items())]
    print(f"  named by OpenCV: {', '.join(said) or 'nobody'}")


main()
