"""Programs that crash or hang are seen for what they are."""

import os
import sys
import unittest

from scripts import processes


class Run(unittest.TestCase):
    def run_python(self, code: str, seconds: float = 60) -> processes.Finished:
        return processes.run([sys.executable, "-c", code], os.environ, seconds)

    def test_code_and_output(self):
        finished = self.run_python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
        self.assertEqual(finished.code, 3)
        self.assertIn("out", finished.output)
        self.assertIn("err", finished.output)

    def test_crash(self):
        self.assertEqual(self.run_python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)").code, -11)

    def test_hang(self):
        finished = self.run_python("import time; time.sleep(600)", seconds=0.5)
        self.assertNotEqual(finished.code, 0)
        self.assertIn("without an end of its own", finished.output)


if __name__ == "__main__":
    unittest.main()
