"""`python -m opsctl.model > docs/spec.md`: the reference of the keys that all engines share."""

import sys

from opsctl.model.reference import reference_markdown

sys.stdout.write(reference_markdown({}))
