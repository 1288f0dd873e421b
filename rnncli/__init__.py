"""rnncli: the tool to run before trusting a recurrent layer."""

import warnings

__version__ = "0.1.0"

# torch works without numpy, and says so at import; nobody who runs rnncli can use that line
warnings.filterwarnings("ignore", message="Failed to initialize NumPy", category=UserWarning)
