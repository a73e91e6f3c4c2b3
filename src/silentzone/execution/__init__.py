"""Worker processes on this machine: one task each, whose death takes nothing else down."""
