"""Bytes: any file as windows of its bytes. Nothing in a file is executed, parsed or unpacked."""
