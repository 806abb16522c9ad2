"""Samples of every form, all of the same process: MainThread waits for output, a transport thread for packets."""

from __future__ import annotations

FAULTHANDLER = """\
Thread 0x00007f0692c2f6c0 (most recent call first):
  File "/usr/lib/python3.11/site-packages/paramiko/packet.py", line 322 in read_all
  File "/usr/lib/python3.11/site-packages/paramiko/packet.py", line 496 in read_message
  File "/usr/lib/python3.11/site-packages/paramiko/transport.py", line 2059 in run
  File "/usr/lib/python3.11/threading.py", line 1045 in _bootstrap_inner
  File "/usr/lib/python3.11/threading.py", line 1002 in _bootstrap

Current thread 0x00007f0695feab80 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 327 in wait
  File "/usr/lib/python3.11/site-packages/paramiko/buffered_pipe.py", line 150 in read
  File "/usr/lib/python3.11/site-packages/paramiko/channel.py", line 697 in recv
  File "/srv/app/backup.py", line 25 in main
  File "/srv/app/backup.py", line 34 in <module>
"""

FAULTHANDLER_314 = FAULTHANDLER.replace("6c0 (", "6c0 [Thread-2] (").replace("b80 (", "b80 [MainThread] (")

PY_SPY = """\
Process 4252: python backup.py
Python v3.11.7 (/usr/bin/python3.11)

Thread 4252 (idle): "MainThread"
    Condition.wait (threading.py:327)
    BufferedPipe.read (paramiko/buffered_pipe.py:150)
    Channel.recv (paramiko/channel.py:697)
    main (backup.py:25)
    <module> (backup.py:34)
Thread 4290 (idle): "Thread-2"
    Packetizer.read_all (paramiko/packet.py:322)
    Packetizer.read_message (paramiko/packet.py:496)
    Transport.run (paramiko/transport.py:2059)
    Thread._bootstrap_inner (threading.py:1045)
    Thread._bootstrap (threading.py:1002)
"""

PY_SPY_NATIVE = """\
Process 4252: python backup.py
Python v3.11.7 (/usr/bin/python3.11)

Thread 4252 (idle): "MainThread"
    0x7fc3620a3f16 (libc.so.6)
    PyThread_acquire_lock_timed (libpython3.11.so.1.0)
    Condition.wait (threading.py:327)
        Arguments:
            self: <Condition at 0x7fc3602f9a90>
            timeout: None
    BufferedPipe.read (paramiko/buffered_pipe.py:150)
        Arguments:
            timeout: None
        Locals:
            then: 1795423196.2528763
    Channel.recv (paramiko/channel.py:697)
        Arguments:
            self: <Channel at 0x7fc35ff70510>
    main (backup.py:25)
    <module> (backup.py:34)
    0x7fc36204524a (libc.so.6)
Thread 4290 (idle): "Thread-2"
    poll (libc.so.6)
    sock_recv (socketmodule.c:3567)
    Packetizer.read_all (paramiko/packet.py:322)
    Packetizer.read_message (paramiko/packet.py:496)
    Transport.run (paramiko/transport.py:2059)
    Thread._bootstrap_inner (threading.py:1045)
    Thread._bootstrap (threading.py:1002)
"""

PYSTACK = """\
Traceback for thread 4290 (python) [] (most recent call last):
    (Python) File "/usr/lib/python3.11/threading.py", line 1002, in _bootstrap
        self._bootstrap_inner()
    (Python) File "/usr/lib/python3.11/threading.py", line 1045, in _bootstrap_inner
        self.run()
    (Python) File "/usr/lib/python3.11/site-packages/paramiko/transport.py", line 2059, in run
        ptype, m = self.packetizer.read_message()
      Locals:
        ptype: 95
    (Python) File "/usr/lib/python3.11/site-packages/paramiko/packet.py", line 496, in read_message
        header = self.read_all(self.__block_size_in, check_rekey=True)
    (Python) File "/usr/lib/python3.11/site-packages/paramiko/packet.py", line 322, in read_all
        x = self.__socket.recv(n)
    (C) File "???", line 0, in sock_recv (libpython3.11.so)

Traceback for thread 4252 (python) [Has the GIL] (most recent call last):
    (Python) File "/srv/app/backup.py", line 34, in <module>
        sys.exit(main())
    (Python) File "/srv/app/backup.py", line 25, in main
        text = stdout.channel.recv(100)
    (Python) File "/usr/lib/python3.11/site-packages/paramiko/channel.py", line 697, in recv
        out = self.in_buffer.read(nbytes, self.timeout)
      Arguments:
        self: <Channel at 0x7fc35ff70510>
    (Python) File "/usr/lib/python3.11/site-packages/paramiko/buffered_pipe.py", line 150, in read
        self._cv.wait(timeout)
    (Python) File "/usr/lib/python3.11/threading.py", line 327, in wait
        waiter.acquire()
"""

GDB = """\
Thread 2 (Thread 0x7f0692c2f6c0 (LWP 4290) "python"):
Traceback (most recent call first):
  <built-in method recv of socket object at remote 0x7f0692c2f6c0>
  File "/usr/lib/python3.11/site-packages/paramiko/packet.py", line 322, in read_all
    x = self.__socket.recv(n)
  File "/usr/lib/python3.11/site-packages/paramiko/packet.py", line 496, in read_message
    header = self.read_all(self.__block_size_in, check_rekey=True)
  File "/usr/lib/python3.11/site-packages/paramiko/transport.py", line 2059, in run
    ptype, m = self.packetizer.read_message()
  File "/usr/lib/python3.11/threading.py", line 1045, in _bootstrap_inner
    self.run()
  File "/usr/lib/python3.11/threading.py", line 1002, in _bootstrap
    self._bootstrap_inner()

Thread 1 (Thread 0x7f0695feab80 (LWP 4252) "python"):
Traceback (most recent call first):
  <built-in method acquire of _thread.lock object at remote 0x7f0692c2f6c0>
  File "/usr/lib/python3.11/threading.py", line 327, in wait
    waiter.acquire()
  File "/usr/lib/python3.11/site-packages/paramiko/buffered_pipe.py", line 150, in read
    self._cv.wait(timeout)
  File "/usr/lib/python3.11/site-packages/paramiko/channel.py", line 697, in recv
    out = self.in_buffer.read(nbytes, self.timeout)
  File "/srv/app/backup.py", line 25, in main
    text = stdout.channel.recv(100)
  File "/srv/app/backup.py", line 34, in <module>
    sys.exit(main())
"""

PROFILING = """\
Stack dump for PID 4252, thread 4290 (idle; most recent call last):
  File "/usr/lib/python3.15/threading.py", line 1002, in Thread._bootstrap
    self._bootstrap_inner()
  File "/usr/lib/python3.15/threading.py", line 1045, in Thread._bootstrap_inner
    self.run()
  File "/usr/lib/python3.15/site-packages/paramiko/transport.py", line 2059, in Transport.run
    ptype, m = self.packetizer.read_message()
  File "/usr/lib/python3.15/site-packages/paramiko/packet.py", line 496, in Packetizer.read_message
  File "/usr/lib/python3.15/site-packages/paramiko/packet.py", line 322, in Packetizer.read_all

Stack dump, thread 4252 (main thread, idle; most recent call last):
  File "/srv/app/backup.py", line 34, in <module>
    sys.exit(main())
  File "/srv/app/backup.py", line 25, in main
  File "/usr/lib/python3.15/site-packages/paramiko/channel.py", line 697, in Channel.recv
  File "/usr/lib/python3.15/site-packages/paramiko/buffered_pipe.py", line 150, in BufferedPipe.read
  File "/usr/lib/python3.15/threading.py", line 327, in Condition.wait
"""

RECIPE = """\
# Thread: Thread-2(140527)
File: "/usr/lib/python3.11/threading.py", line 1002, in _bootstrap
  self._bootstrap_inner()
File: "/usr/lib/python3.11/threading.py", line 1045, in _bootstrap_inner
  self.run()
File: "/usr/lib/python3.11/site-packages/paramiko/transport.py", line 2059, in run
  ptype, m = self.packetizer.read_message()
File: "/usr/lib/python3.11/site-packages/paramiko/packet.py", line 496, in read_message
File: "/usr/lib/python3.11/site-packages/paramiko/packet.py", line 322, in read_all

# Thread: MainThread(140528)
File: "/srv/app/backup.py", line 34, in <module>
  sys.exit(main())
File: "/srv/app/backup.py", line 25, in main
File: "/usr/lib/python3.11/site-packages/paramiko/channel.py", line 697, in recv
File: "/usr/lib/python3.11/site-packages/paramiko/buffered_pipe.py", line 150, in read
File: "/usr/lib/python3.11/threading.py", line 327, in wait
"""

PYTEST_TIMEOUT = """\
+++++++++++++++++++++++++++++++++++ Timeout ++++++++++++++++++++++++++++++++++++
~~~~~~~~~~~~~~~~~~~~~ Stack of Thread-2 (139711152486080) ~~~~~~~~~~~~~~~~~~~~~~
  File "/usr/lib/python3.11/threading.py", line 1002, in _bootstrap
    self._bootstrap_inner()
  File "/usr/lib/python3.11/threading.py", line 1045, in _bootstrap_inner
    self.run()
  File "/usr/lib/python3.11/site-packages/paramiko/transport.py", line 2059, in run
  File "/usr/lib/python3.11/site-packages/paramiko/packet.py", line 496, in read_message
  File "/usr/lib/python3.11/site-packages/paramiko/packet.py", line 322, in read_all
~~~~~~~~~~~~~~~~~~~~ Stack of MainThread (139711173543808) ~~~~~~~~~~~~~~~~~~~~~
  File "/srv/app/backup.py", line 34, in <module>
  File "/srv/app/backup.py", line 25, in main
  File "/usr/lib/python3.11/site-packages/paramiko/channel.py", line 697, in recv
  File "/usr/lib/python3.11/site-packages/paramiko/buffered_pipe.py", line 150, in read
  File "/usr/lib/python3.11/threading.py", line 327, in wait
"""

SAMPLES = {
    "faulthandler": FAULTHANDLER,
    "faulthandler of 3.14, with names": FAULTHANDLER_314,
    "py-spy": PY_SPY,
    "py-spy --native --locals": PY_SPY_NATIVE,
    "pystack": PYSTACK,
    "gdb's py-bt": GDB,
    "profiling.sampling of 3.15": PROFILING,
    "the recipe with sys._current_frames": RECIPE,
    "pytest-timeout": PYTEST_TIMEOUT,
}
