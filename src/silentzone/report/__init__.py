"""Analyses as pages: one self-contained HTML file, and the same verdict for the terminal."""

from __future__ import annotations

from silentzone.report.render import build_html, write_report

__all__ = ["build_html", "write_report"]
