"""What computes a checkpoint's answers while a stream runs: PyTorch (also on a GPU), ONNX Runtime, OpenVINO.

``vote.Vote`` is the engine around ONNX Runtime and OpenVINO, which give the logits of one member for some rows;
``resident.Resident`` is PyTorch's, with everything on its device. Each is imported when it is asked for.
"""
