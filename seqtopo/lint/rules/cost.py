"""What costs memory or the fast kernels."""

from __future__ import annotations
