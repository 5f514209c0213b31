"""Publish once in this process and print its peak resident memory in MB; the uploads are made in another."""

import pickle
import resource
import sys
