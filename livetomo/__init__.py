"""Streaming denoising, segmentation and particle picking for cryo-electron-tomography facilities."""

__version__ = "0.1.0"
