"""UniBERT, read by running it: corpus, student, objective and pretraining as small modules.

Import the module you need (``from unibert_lib import corpus, student``); nothing is loaded here, so that
reading a dump does not wait for torch.
"""

__version__ = "0.1.0"
