"""One peer in a process of its own: reads `run N` lines, answers with N latencies in milliseconds as JSON.

usage: python worker.py RUNTIME STEM THREADS INPUT.npy LOGITS.npy      (started by compare.py)
"""
import importlib
import json
import resource
import sys
import time

import numpy as np


def onnxruntime_runner(stem, threads, x):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(stem + ".onnx", options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"input": x})[0]


def openvino_runner(stem, threads, x):
    import openvino

    core = openvino.Core()
    model = core.compile_model(core.read_model(stem + ".onnx"), "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": "1"})
    request = model.create_infer_request()
    return lambda: np.array(request.infer({0: x}, share_inputs=True, share_outputs=True)[0])


def ncnn_runner(stem, threads, x):
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = False
    if net.load_param(stem + ".ncnn.param") or net.load_model(stem + ".ncnn.bin"):
        raise RuntimeError("ncnn cannot load the converted model")

    def run():
        rows = []
        for picture in x:
            extractor = net.create_extractor()
            extractor.input("in0", ncnn.Mat(picture).clone())
            rows.append(np.array(extractor.extract("out0")[1]))
        return np.stack(rows)

    return run


def torch_runner(stem, threads, x):
    import torch

    torch.set_num_threads(threads)
    with torch.inference_mode():
        net = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.load(stem + ".pt").eval()))
    picture = torch.from_numpy(x)

    def run():
        with torch.inference_mode():
            return net(picture).numpy()

    return run


def main():
    runtime, stem, threads, path = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    x = np.load(path)
    importlib.import_module(runtime)  # not part of opening a model
    start = time.perf_counter()
    run = globals()[runtime + "_runner"](stem, threads, x)
    created = time.perf_counter()
    logits = run()
    first = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    for _ in range(5):
        run()
    np.save(sys.argv[5], logits)
    print(json.dumps({"create": (created - start) * 1e3, "first": (first - created) * 1e3, "peak": peak}), flush=True)
    for line in sys.stdin:
        count = int(line.split()[1])
        run()
        times = []
        for _ in range(count):
            start = time.perf_counter()
            run()
            times.append((time.perf_counter() - start) * 1e3)
        print(json.dumps(times), flush=True)


main()
