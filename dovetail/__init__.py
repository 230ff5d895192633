"""Dovetail: co-design of deep neural networks and the accelerators that run them."""
