# The suite's command line, started from the directory its packages were installed into. Runs on CPython 2.7.
# A plain PYTHONPATH would not do: zope.interface is a namespace package, and only site directories read its .pth file.

import os
import site
import sys

packages = os.environ['AUTOBAHN_PACKAGES']
known = len(sys.path)
site.addsitedir(packages)
# Before what the interpreter itself has installed, so that the pinned versions are the ones that run.
sys.path[:] = sys.path[known:] + sys.path[:known]

from autobahntestsuite.wstest import run

run()
