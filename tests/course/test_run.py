"""What a learner's code can do to a check by accident: each accident ends in an answer that says what happened."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway.course.run import CheckResult, Failure, Limits, Zygote, run_check

CHECK = """
from headway.course.checking import case, equal, function

double = function("double", "number")

@case("doubles two")
def _():
    equal(double(2), 4)

@case("doubles nothing")
def _():
    equal(double(0), 0)
"""
RIGHT = "def double(number):\n    return 2 * number\n"


class Checker:
    """Checks texts as `double.py`, with a check file in a folder beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = root / "double.py"
        self.check_file = root / "check.py"
        self.check_file.write_text(CHECK)

    def __call__(
        self, text: str, *, seconds: float = 20, mebibytes: int = 300, zygote: Zygote | None = None
    ) -> CheckResult:
        limits = Limits(seconds=seconds, memory_bytes=mebibytes * 2**20)
        return run_check(
            text, file=self.file, check_file=self.check_file, folder=self.root, limits=limits, zygote=zygote
        )


@pytest.fixture
def checker(tmp_path: Path) -> Checker:
    return Checker(tmp_path)


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as process:
        yield process


def failure(result: CheckResult) -> Failure:
    first = result.first_failure
    one = first.failure if first else result.failure
    assert one is not None
    return one


def in_body(statement: str) -> str:
    return f"def double(number):\n    {statement}\n    return 2 * number\n"


def test_right_code_is_solved(checker: Checker) -> None:
    result = checker(RIGHT + "print('hello')\n")
    assert (result.state, result.output, result.failure) == ("solved", "hello\n", None)
    assert [one.name for one in result.cases] == ["doubles two", "doubles nothing"]


def test_wrong_code_is_not_yet(checker: Checker) -> None:
    result = checker(RIGHT.replace("2 *", "3 *"))
    assert result.state == "not yet"
    assert failure(result) == Failure(asked="4", given="double(2)", came="6")
    assert [one.failure is None for one in result.cases] == [False, True]


@pytest.mark.parametrize(
    ("text", "came", "line"),
    [
        ("def double(number:\n", "SyntaxError: '(' was never closed", 1),
        ("import nothing_of_this_name\n", "ModuleNotFoundError: No module named 'nothing_of_this_name'", 1),
        (in_body("number.append(1)"), "AttributeError: 'int' object has no attribute 'append'", 2),
        ("import sys\nsys.exit(0)\n", "SystemExit: 0", 2),
        (in_body("exit()"), "SystemExit: None", 2),
        ("input()\n", "EOFError: EOF when reading a line", 1),
        (in_body("double(number)"), "RecursionError: maximum recursion depth exceeded", 2),
    ],
)
def test_an_error_is_shown_with_its_line(checker: Checker, text: str, came: str, line: int) -> None:
    result = checker(text)
    assert result.state == "crashed"
    assert (failure(result).came, failure(result).line) == (came, line)


def test_an_error_has_the_frames_of_the_learners_file_alone(checker: Checker) -> None:
    checker.file.write_text(
        text := "def half(number):\n    return number / 0\n\ndef double(number):\n    half(number)\n"
    )
    assert failure(checker(text)).frames == (
        f'  File "{checker.file}", line 5, in double\n    half(number)\n'
        f'  File "{checker.file}", line 2, in half\n    return number / 0\n           ~~~~~~~^~~\n'
    )


@pytest.mark.slow
def test_code_that_is_not_written_yet_is_no_crash(checker: Checker) -> None:
    result = checker(in_body("raise NotImplementedError"))
    assert result.state == "not yet"
    assert failure(result).asked == "Your code, in place of `raise NotImplementedError`."
    assert failure(checker("def double(number):\n    ...\n")) == Failure(
        asked="4", given="double(2)", came="None", meaning="A function without `return` gives None."
    )


@pytest.mark.slow
def test_a_missing_function_is_named(checker: Checker) -> None:
    result = checker("def Double(number): return 2 * number\n")
    assert result.state == "not yet"
    assert failure(result) == Failure(
        asked="Something named `double`.",
        came="Double",
        meaning="The check looks for this name: do not change it.",
    )
    assert failure(checker("double = 3\n")).asked == "A function named `double`."
    assert failure(checker("def double(n): return 2 * n\n")) == Failure(
        asked="`double(number)`, with these names of its parameters.", came="double(n)"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "where"),
    [("while True: pass\n", "while your file was read"), (in_body("while True: pass"), 'in the case "doubles two"')],
)
def test_an_endless_loop_is_stopped(checker: Checker, text: str, where: str) -> None:
    result = checker(text, seconds=0.3)
    assert result.state == "timed out"
    assert result.failure == Failure(
        asked="The check ends within 0.3 seconds.",
        came=f"it was still running {where}",
        meaning="Is there a loop that never ends?",
    )


@pytest.mark.slow
def test_a_loop_that_catches_everything_is_stopped(checker: Checker) -> None:
    text = (
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n"
    )
    assert checker(text, seconds=0.3).state == "timed out"


@pytest.mark.slow
def test_endless_printing_is_stopped(checker: Checker) -> None:
    result = checker("while True: print('x' * 1000)\n", seconds=60)
    assert result.state == "crashed"
    assert failure(result).asked == "At most 64 MiB are printed."
    assert len(result.output) == 2**16
    short = checker("while True: print('x')\n", seconds=0.2)
    assert short.state in ("timed out", "crashed")


def test_prints_are_no_results(checker: Checker) -> None:
    forged = '{"event": "case", "case": "doubles two", "section": "", "seconds": 0, "failure": null}'
    text = f"import os, sys\nfor out in (1, 2):\n    os.write(out, {forged!r}.encode() + b'\\n')\n"
    result = checker(text + f"print({forged!r}); print({forged!r}, file=sys.__stdout__)\n" + in_body("number += 1"))
    assert result.state == "not yet"
    assert result.output.count("doubles two") == 4


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit is looked at ten times a second")
@pytest.mark.parametrize("statement", ["b'x' * 10**11", "numbers = []\n    while True: numbers.append(b'x' * 10**6)"])
def test_memory_is_limited(checker: Checker, statement: str) -> None:
    result = checker(in_body(statement), seconds=60)
    assert result.state == "crashed"
    if "10**11" in statement:
        assert failure(result).came == "MemoryError"
    else:
        assert result.failure == Failure(
            asked="The check needs less than 0.293 GiB of memory.",
            came='it used more in the case "doubles two"',
            meaning="Does something grow in a loop, or is an array larger than it was meant to be?",
        )


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_forks_are_few_and_have_no_say(checker: Checker) -> None:
    assert checker("import os\nos.fork()\n" + RIGHT).state == "solved"
    copy_is_right = "import os\nwrong = os.fork()\ndef double(number):\n    return 0 if wrong else 2 * number\n"
    assert checker(copy_is_right).state == "not yet"
    result = checker("import os\nwhile True: os.fork()\n", seconds=60)
    assert failure(result).came == "BlockingIOError: Your code makes more than 32 copies of its process (os.fork)."


def _is_running(marker: str) -> bool:
    commands = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
    return any(marker.encode() in command for command in commands)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_the_code_started_ends_with_it(checker: Checker, tmp_path: Path) -> None:
    marker = f"marker-{os.getpid()}-{time.time_ns()}"
    command = [sys.executable, "-c", "import time; time.sleep(600)", marker]
    assert checker(f"import subprocess\nsubprocess.Popen({command!r})\n" + RIGHT).state == "solved"
    assert not _is_running(marker)


@pytest.mark.slow
def test_files_are_safe(checker: Checker) -> None:
    checker.file.write_text("as it was")
    text = (
        "import os, shutil, pathlib\nfor folder in (os.getcwd(), pathlib.Path.home(), '~', '.'):\n"
        "    shutil.rmtree(os.path.expanduser(folder), ignore_errors=True)\n"
    )
    assert checker(text + RIGHT).state == "solved"
    assert checker.file.read_text() == "as it was"
    assert checker("open('double.py', 'w').write('gone')\n" + RIGHT).state == "solved"
    assert checker.file.read_text() == "as it was"
    # Beyond the limit of a file's size.
    result = checker("file = open('big', 'wb')\nwhile True: file.write(bytes(2**24))\n", seconds=60)
    assert failure(result).came == "OSError: [Errno 27] File too large"


@pytest.mark.slow
@pytest.mark.parametrize(
    "call",
    [
        "socket.create_connection(('192.0.2.1', 80), timeout=5)",
        "socket.socket().connect(('192.0.2.1', 80))",
        "socket.getaddrinfo('192.0.2.1', 80)",
    ],
)
def test_there_is_no_network(checker: Checker, call: str) -> None:
    result = checker(f"import socket\n{call}\n")
    sentence = "A check has no network, and your code connects to 192.0.2.1."
    assert failure(result).came == f"ConnectionRefusedError: {sentence}"


@pytest.mark.slow
def test_this_computer_is_no_network(checker: Checker) -> None:
    text = "import socket\nserver = socket.create_server(('127.0.0.1', 0))\n"
    text += "socket.create_connection(server.getsockname())\n"
    assert checker(text + RIGHT).state == "solved"


@pytest.mark.parametrize("statement", ["import os; os._exit(3)", "import os; os.kill(os.getpid(), 11)"])
def test_a_process_that_ends_early_is_reported(checker: Checker, statement: str) -> None:
    result = checker(in_body(statement))
    status = "exit status 3" if "_exit" in statement else "signal SIGSEGV"
    assert result.state == "crashed"
    assert result.failure == Failure(
        asked="The check runs to its end.",
        came=f'the process ended in the case "doubles two", with {status}',
        meaning="Does your code call `os._exit`, or go too deep into a library?",
    )


@pytest.mark.slow
def test_closed_outputs_do_no_harm(checker: Checker) -> None:
    assert checker("import sys, os\nsys.stdout.close(); sys.stderr.close(); os.close(0)\n" + RIGHT).state == "solved"


def test_a_check_without_cases_is_not_solved(checker: Checker) -> None:
    checker.check_file.write_text("")
    assert checker(RIGHT).state == "not yet"


def test_the_last_cases_wait_for_the_others(checker: Checker) -> None:
    checker.check_file.write_text(CHECK.replace('@case("doubles two")', '@case("doubles two", last=True)'))
    result = checker("def double(number):\n    return number + 1\n")
    assert ([one.name for one in result.cases], result.waiting) == (["doubles nothing"], ("doubles two",))
    assert [one.name for one in checker(RIGHT).cases] == ["doubles nothing", "doubles two"]


TORCH = "import torch, os\nprint(os.getpid(), torch.get_num_threads())\n"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux alone")
def test_a_copy_of_the_zygote_is_fresh(checker: Checker, zygote: Zygote) -> None:
    first = checker(TORCH + "torch.secret = 1\n" + RIGHT, zygote=zygote)
    second = checker(TORCH + "assert not hasattr(torch, 'secret')\n" + RIGHT, zygote=zygote)
    assert (first.state, second.state) == ("solved", "solved")
    assert first.output != second.output
    assert first.output.split()[1] == "1"
    # It takes two seconds to import, and only what trains needs it.
    asks = "import sys\nprint('timm' in sys.modules)\n" + RIGHT
    assert [checker(text, zygote=zygote).output for text in (asks, "import headway as hw\n" + asks)] == [
        "False\n",
        "True\n",
    ]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux alone")
@pytest.mark.parametrize(
    ("statement", "state"),
    [
        ("while True: pass", "timed out"),
        ("import os; os._exit(3)", "crashed"),
        ("import os; os.kill(os.getpid(), 11)", "crashed"),
        ("torch.zeros(10**11)", "crashed"),
        ("import sys; sys.exit()", "crashed"),
        ("print('x')", "solved"),
    ],
)
def test_accidents_in_a_copy_leave_the_zygote_alone(
    checker: Checker, zygote: Zygote, statement: str, state: str
) -> None:
    assert checker(TORCH + in_body(statement), seconds=1, zygote=zygote).state == state
    assert checker(TORCH + RIGHT, zygote=zygote).state == "solved"


@pytest.mark.slow
def test_a_zygote_that_was_ended_is_done_without(checker: Checker) -> None:
    with Zygote() as process:
        assert checker(TORCH + RIGHT, zygote=process).state == "solved"
        if process.is_usable:
            process._process.kill()
            process._process.wait()
        assert checker(TORCH + RIGHT, zygote=process).state == "solved"
        assert not process.is_usable


@pytest.mark.slow
def test_torch_has_its_own_memory_and_dtype(checker: Checker) -> None:
    text = TORCH + RIGHT + "torch.ones(2**24)\nassert torch.ones(1).dtype == torch.float64\nassert False\n"
    result = run_check(text, file=checker.file, check_file=checker.check_file, folder=checker.root, dtype="float64")
    assert failure(result).line == 7
    optimized = run_check(text, file=checker.file, check_file=checker.check_file, folder=checker.root, optimize=True)
    assert optimized.state == "solved"


INTERRUPTED = """
import _thread, sys, threading
from pathlib import Path
from headway.course.run import run_check
folder = Path(sys.argv[1])
threading.Timer(1, _thread.interrupt_main).start()
text = f"import subprocess\\nsubprocess.run(['sleep', '600.{sys.argv[2]}'])"
run_check(text, file=folder / "double.py", check_file=folder / "check.py", folder=folder)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_ctrl_c_ends_all_of_a_check(checker: Checker) -> None:
    """The process of the check is in a group of its own, which the terminal does not interrupt."""
    marker = str(time.time_ns())
    command = [sys.executable, "-c", INTERRUPTED, str(checker.root), marker]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "KeyboardInterrupt" in done.stderr
    assert not _is_running(f"600.{marker}")
