# PyTorch: `model` is your nn.Module with its weights loaded; a picture's own tensor may stand in for x.
import numpy, torch
model = model.float().cpu().eval()
x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
with torch.no_grad(): y = model(x); y = getattr(y, "logits", y)
numpy.save("in.npy", x.numpy())
numpy.save("out.npy", y.numpy())

# ONNX Runtime: the same x, instead of the module.
import onnxruntime; session = onnxruntime.InferenceSession("model.onnx")
numpy.save("out.npy", session.run(None, {session.get_inputs()[0].name: x.numpy()})[0])

# Then: fixresc import CHECKPOINT -o model.bin --reference in.npy:out.npy
# A picture does as well, with the outputs of your whole pipeline: --reference photo.jpg:out.npy
