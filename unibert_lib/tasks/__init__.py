"""The downstream tasks: read genuine files, encode, decode, score."""
