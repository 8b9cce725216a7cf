"""UniBERT, read by running it: corpus, student, objective and pretraining as small modules.

Import the module you need (``from unibert_lib import corpus, student``); nothing is loaded here, so that
reading a dump does not wait for torch.
"""

__version__ = "0.1.0"

import os

# On a busy machine OpenMP's threads burn the cores waiting for each other: a training of two threads beside one
# other busy process ran twelve times faster with this. It is read when torch is first imported, so import us first.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# oneDNN keeps a compiled kernel for each of the last 1,024 shapes. Batches of ever new lengths fill that and never ask
# again: 64 are as fast and save hundreds of megabytes (NOTES.md).
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
