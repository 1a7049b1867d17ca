"""What holds of the package's own text."""

import ast
import doctest
import importlib
import os
import pkgutil
import subprocess
import sys
import unittest

import recpipe

DIRECTORY = os.path.dirname(recpipe.__file__)
MOST_LINES = 300


class Package(unittest.TestCase):
    def modules(self):
        names = [name for _, name, _ in pkgutil.iter_modules([DIRECTORY])]
        self.assertGreater(len(names), 15)
        return names

    def test_modules_are_short_and_of_old_python(self):
        for name in self.modules():
            with open(os.path.join(DIRECTORY, f"{name}.py"), encoding="utf-8") as file:
                text = file.read()
            self.assertLessEqual(len(text.splitlines()), MOST_LINES, name)
            tree = ast.parse(text, feature_version=(3, 8))
            self.assertIsNotNone(ast.get_docstring(tree), name)

    def test_modules_are_there_without_being_imported_by_name(self):
        script = "import recpipe; print(recpipe.writer.dump is recpipe.dump, recpipe.programs.producer is recpipe.producer)"
        environment = {**os.environ, "PYTHONPATH": os.path.dirname(DIRECTORY)}
        told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual((told.stdout, told.stderr), ("True True\n", ""))

    def test_examples_in_the_documentation_are_true(self):
        tried = 0
        for name in self.modules():
            failed, some = doctest.testmod(importlib.import_module(f"recpipe.{name}"))
            self.assertEqual(failed, 0, name)
            tried += some
        failed, some = doctest.testmod(recpipe)
        self.assertEqual(failed, 0)
        self.assertGreater(tried + some, 8)

    def test_all_names_are_there(self):
        for name in recpipe.__all__:
            self.assertIsNotNone(getattr(recpipe, name).__doc__, name)
            self.assertIn(name, dir(recpipe))
        with self.assertRaises(AttributeError):
            recpipe.no_such_name

    def test_who_only_reads_imports_nothing_else(self):
        script = "import sys, recpipe; recpipe.records; print(*sorted(name for name in sys.modules if name.startswith('recpipe.')))"
        environment = {**os.environ, "PYTHONPATH": os.path.dirname(DIRECTORY)}
        said = subprocess.run([sys.executable, "-S", "-c", script], env=environment, stdout=subprocess.PIPE, check=True).stdout.decode()
        self.assertEqual({"recpipe.writer", "recpipe.programs", "recpipe.arrow", "recpipe.stages"} & set(said.split()), set())
        self.assertIn("recpipe.reader", said.split())
