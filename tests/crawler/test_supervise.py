"""Runs that hang, crash, segfault or take all memory: each ends in its own outcome and harms nothing else."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import psutil
import pytest
from prometheus_client import REGISTRY

from crawler.job import Exit
from storage import runs
from storage.evidence.warc import EvidenceStore
from storage.runs import RunOutcome, RunState
from storage.sources import SourceHealth
from tests.crawler.conftest import CHILD, Runs
from tests.peers.web import Site
