"""`python -m nlp_lstm` is the command `nlp-lstm`."""

import sys

from nlp_lstm.cli.main import main

sys.exit(main())
