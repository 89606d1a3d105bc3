"""What computes a checkpoint's answers while a stream runs: PyTorch (also on a GPU), ONNX Runtime, OpenVINO.

Each engine is one file with one class that does what ``models.classifier.Engine`` says, imported when it is asked for.
"""
