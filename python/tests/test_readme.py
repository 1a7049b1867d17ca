"""The README is true: its Python is run from top to bottom, and prints what stands below it."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import vectors

README = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "README.md")


@unittest.skipUnless(shutil.which("producer") and shutil.which("consumer"), "the programs are not in the PATH")
class Readme(unittest.TestCase):
    def test_the_examples_print_what_stands_there(self):
        with open(README, encoding="utf-8") as file:
            blocks = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", file.read(), re.DOTALL)
        self.assertGreater(len(blocks), 6)
        names, here = {"__name__": "readme"}, os.getcwd()
        with tempfile.TemporaryDirectory() as directory:
            os.chdir(directory)
            try:
                with open("access.log", "wb") as log:
                    subprocess.run([os.path.join(vectors.ROOT, "scripts", "sample-log"), "2000"], stdout=log, check=True)
                for code, expected in blocks:
                    printed = io.StringIO()
                    with contextlib.redirect_stdout(printed):
                        exec(compile(code, README, "exec"), names)
                    self.assertEqual(printed.getvalue(), expected, code)
            finally:
                os.chdir(here)
