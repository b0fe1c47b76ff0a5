"""The networks: wiring, weights of others into them, and out of them to ONNX."""
