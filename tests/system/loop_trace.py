"""What loop threads did in a run, by the system calls of each thread as strace has recorded them.

A loop thread is told by its name, which async::LoopThread gives it for as long as it runs its loop: "loop ring 0". What it
may call is listed here with the reason; every other call may block, or is new and has to be thought about.
"""

import re

_NAME = re.compile(r'prctl\(PR_SET_NAME, "([^"]*)"')
_CALL = re.compile(r"(\w+)\(([^,)]*)")
_LOOP = "loop "

#: Never wait for a device, a disk, a server or a person.
ALLOWED = {
    "the wait of a ring, and what is handed to it": ("io_uring_enter", "io_uring_register"),
    "the wait of an event loop, and what it waits for": ("epoll_wait", "epoll_pwait", "epoll_ctl", "timerfd_settime"),
    # The wait of an executor's thread without work, the waking of others, and locks, under which nobody waits; a lock that
    # is held too long is seen by StallWatch.
    "hand-over between threads": ("futex",),
    # From the allocator: pages are the kernel's to give. A page fault is no system call and not seen here.
    "memory": ("mmap", "munmap", "mremap", "mprotect", "madvise", "brk"),
    "clocks": ("clock_gettime", "gettimeofday"),
    # Made in memory, once, when a loop is used for the first time.
    "what an event loop is made of": ("epoll_create1", "eventfd2", "timerfd_create"),
    # A call that may block is handed to the pool, which has no free thread: the new one's stack and record, in memory.
    "a thread for the blocking pool": ("clone3", "clone"),
    "of the thread itself": ("prctl", "gettid", "getpid", "sched_yield", "rt_sigprocmask", "rt_sigreturn", "restart_syscall"),
}
#: Allowed on descriptors that never keep anybody waiting. Sockets are Asio's, which sets them not to block (the preset
#: guard looks at the flag); a thread's schedstat is made in memory.
_ON_HARMLESS = ("read", "write", "readv", "writev", "pread64", "sendmsg", "recvmsg", "sendto", "recvfrom", "connect", "close")
_HARMLESS = re.compile(r"<(anon_inode:\[(eventfd|timerfd)\]|(socket|TCP|TCPv6|UNIX[\w-]*):.*|/proc/\d+/task/\d+/schedstat)>$")

_ALWAYS = {call for calls in ALLOWED.values() for call in calls}


class Loops:
    """What the loop threads of one recording did."""

    def __init__(self):
        self.calls = {}  #: by the loop's name: how many
        self.forbidden = []  #: "loop ring 0: fsync(3</tmp/x>) = 0"

    def add(self, lines):
        """Takes the lines of one thread (strace -ff -y)."""
        name = ""
        for line in lines:
            if told := _NAME.match(line):
                name = told.group(1)
            call = _CALL.match(line)
            if not name.startswith(_LOOP) or call is None:
                continue
            self.calls[name] = self.calls.get(name, 0) + 1
            if not _may(*call.groups()):
                self.forbidden.append(f"{name}: {line.strip()}")

    def of(self, kind):
        """How many calls the loops of this kind ("ring") made."""
        return sum(count for name, count in self.calls.items() if name.startswith(_LOOP + kind))


def _may(call, first):
    return call in _ALWAYS or (call in _ON_HARMLESS and _HARMLESS.search(first) is not None)
